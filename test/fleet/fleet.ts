import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Backend, Inventory } from '../../src/core/inventory.ts';
import { slotFile } from '../../src/core/service.ts';
import { DEPLOY, makeBase } from './hosts/base.ts';
import { makeCertificate } from './hosts/certificate.ts';
import { makeGroup } from './hosts/cgroup.ts';
import { Disk } from './hosts/disk.ts';
import { furnish } from './hosts/furnish.ts';
import { inventoryText, readFleetInventory, type Sections } from './hosts/inventory.ts';
import { Machine } from './hosts/machine.ts';
import type { FleetOptions } from './hosts/options.ts';
import { startPostgres, type Database } from './hosts/postgres.ts';
import { ip, must, run, type Ran } from './hosts/shell.ts';
import { bridgeOf, claim, fleetNames, ownerOf, STATES, takeDown, type Claim } from './hosts/state.ts';

export type { FleetOptions };

export interface TestHost {
  readonly name: string;
  readonly address: string;
}

/** How the application reaches its database; PGHOST is the fleet's own address. */
export const DATABASE = { PGPORT: '5432', PGUSER: 'shop', PGPASSWORD: 'hush-hush-shop', PGDATABASE: 'shop' } as const;
const HEALTH_HOST = 'shop.example.com';

/** Hosts out of namespaces, real enough for everything here: sshd, Nginx, supervisor, PostgreSQL, disks that survive a power cut. */
export class Fleet {
  readonly options: FleetOptions;
  /** The fleet's folder, gone when it is lowered. */
  readonly state: string;
  /** The machine's own address on the fleet's network: where the operator, the users and the database are. */
  readonly address: string;
  readonly balancers: readonly TestHost[];
  readonly backends: readonly TestHost[];
  /** How the application reaches its database; null without one. */
  readonly database: Database | null;
  readonly #claim: Claim;
  readonly #machines = new Map<string, Machine>();

  constructor(options: FleetOptions, taken: Claim) {
    const { net } = taken;
    const at = (host: number): string => `10.77.${net}.${host}`;
    const named = (count: number, name: string, from: number): TestHost[] =>
      Array.from({ length: count }, (_, index) => ({ name: `${name}${index + 1}`, address: at(from + index) }));
    const both = options.both === true ? 1 : 0;
    this.options = options;
    this.#claim = taken;
    this.state = taken.disks;
    this.address = at(1);
    this.balancers = named(options.balancers, 'lb', 10);
    this.backends = [...this.balancers.slice(0, both), ...named(options.backends - both, 'web', 30)];
    this.database = options.database === false ? null : { ...DATABASE, PGHOST: this.address };
  }

  get hosts(): readonly TestHost[] {
    return [...new Map([...this.balancers, ...this.backends].map((host) => [host.name, host])).values()];
  }

  /** Where users go. */
  get targets(): string[] {
    return this.balancers.map(({ address }) => `${address}:${this.options.tls === true ? 443 : 80}`);
  }

  /** The operator's private key. */
  get key(): string {
    return join(this.state, 'operator', 'id_ed25519');
  }

  get knownHosts(): string {
    return join(this.state, 'operator', 'known_hosts');
  }

  addressOf(name: string): string {
    return this.#machine(name).address;
  }

  /** The inventory's text; `source` is the project's repository, `extra` is laid over it, key by key. */
  inventory(source: string, extra: Sections = {}): string {
    const {
      configuration = 'managed',
      switch: moves = 'live',
      program = 'wrapper',
      port = 8000,
      two = [],
      workers = 2,
      threads = 8,
    } = this.options;
    const { balancers, backends, key, knownHosts } = this;
    const fleet = {
      balancers,
      backends,
      key,
      knownHosts,
      configuration,
      switch: moves,
      program,
      port,
      two,
      workers,
      threads,
    };
    return inventoryText(fleet, source, extra);
  }

  /** Writes an inventory file for the operator; returns its path. */
  async writeInventory(source: string, extra: Sections = {}): Promise<string> {
    const file = join(this.state, 'operator', 'inventory.yaml');
    await writeFile(file, this.inventory(source, extra));
    return file;
  }

  /** The root console of a host. Resolves whatever the exit code. */
  exec(name: string, script: string, input = ''): Promise<Ran> {
    return this.#machine(name).exec(script, input);
  }

  /** As `exec`, of a script that must succeed; returns what it printed. */
  async sh(name: string, script: string, input = ''): Promise<string> {
    const ran = await this.exec(name, script, input);
    if (ran.code !== 0) throw new Error(`${name}: ${script}: exit ${ran.code}\n${ran.stdout}${ran.stderr}`);
    return ran.stdout.trimEnd();
  }

  /** A file of a host that runs, as its administrator writes it. */
  async write(name: string, path: string, text: string): Promise<void> {
    await this.sh(name, `mkdir -p '${dirname(path)}' && cat >'${path}'`, text);
  }

  /** A command by OpenSSH's own client, as the operator. */
  ssh(name: string, command: string, input = ''): Promise<Ran> {
    const options = [
      'BatchMode=yes',
      'ConnectTimeout=5',
      `UserKnownHostsFile=${this.knownHosts}`,
      'GlobalKnownHostsFile=none',
    ];
    const flags = [
      '-F',
      'none',
      '-i',
      this.key,
      '-o',
      'IdentitiesOnly=yes',
      ...options.flatMap((each) => ['-o', each]),
    ];
    return run('ssh', [...flags, `${DEPLOY.name}@${this.addressOf(name)}`, command], input);
  }

  /** Pulls a host's cable: packets are dropped, nobody is told. */
  cut(name: string): Promise<void> {
    return this.#machine(name).cut();
  }

  heal(name: string): Promise<void> {
    return this.#machine(name).heal();
  }

  /** Every process of the host ends at once; what was written stays. */
  powerCut(name: string): Promise<void> {
    return this.#machine(name).powerCut();
  }

  /** Boots a host again: another boot id, uptime from zero. */
  powerOn(name: string): Promise<void> {
    return this.#machine(name).powerOn();
  }

  /** A reload by somebody else, as certbot does. */
  async reloadNginx(name: string): Promise<void> {
    await this.sh(name, 'nginx -s reload');
  }

  /** As Debian's logrotate does on a balancer: a new empty file, and USR1. */
  async rotateLogs(name: string): Promise<void> {
    await this.sh(
      name,
      'cd /var/log/nginx && mv shop.json shop.json.1 && install -m 640 -o www-data -g adm /dev/null shop.json && nginx -s reopen',
    );
  }

  /** Takes everything down; nothing is left behind. */
  lower(): Promise<void> {
    return takeDown(this.options.name);
  }

  #machine(name: string): Machine {
    const machine = this.#machines.get(name);
    if (machine === undefined) throw new Error(`no host ${name}`);
    return machine;
  }

  async raise(): Promise<void> {
    const { state, options } = this;
    const { net } = this.#claim;
    const operator = join(state, 'operator');
    await mkdir(operator);
    await mkdir(join(state, 'hosts'));
    await ip([
      `link add ${bridgeOf(net)} type bridge`,
      `addr add ${this.address}/24 dev ${bridgeOf(net)}`,
      `link set ${bridgeOf(net)} up`,
    ]);
    const cgroup = options.slowSsh === true ? await makeGroup(options.name, 128) : null;
    for (const { name, address } of this.hosts)
      this.#machines.set(name, new Machine(name, address, this.#claim, cgroup ?? ''));
    const pids = join(state, '..', 'pids');
    const database = this.database === null ? [] : [startPostgres(join(state, 'postgres'), this.database, pids)];
    await all([...database, this.#raiseHosts(operator)]);
  }

  async #raiseHosts(operator: string): Promise<void> {
    await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'operator', '-f', this.key]);
    const authorizedKey = await readFile(`${this.key}.pub`, 'utf8');
    const hostKey = await makeBase(join(this.state, 'base'), { authorizedKey, sshd: this.options.sshd ?? 'debian' });
    await writeFile(this.knownHosts, this.hosts.map(({ address }) => `${address} ${hostKey}\n`).join(''));
    const tls = this.options.tls === true ? await makeCertificate(operator, HEALTH_HOST) : null;
    const inventory = readFleetInventory(this.inventory('.'));
    const environment = { ...this.database, DJANGO_SECRET_KEY: 'not so secret: a test', CONN_MAX_AGE: '60' };
    const site = { inventory, tls, environment, umask: this.options.umask ?? '022' };
    await all(
      [...this.#machines.values()].map(async (machine) => {
        await furnish(new Disk(machine.upper), machine.name, site);
        await machine.powerOn();
      }),
    );
    await all(inventory.backends.map((backend) => this.#wrapped(inventory, backend)));
  }

  /** What supervisord starts comes after sshd: whoever is told that the fleet is up is to find it there. */
  async #wrapped(inventory: Inventory, { name, slots }: Backend): Promise<void> {
    const files = slots.flatMap((port) => slotFile(inventory, port) ?? []);
    const there = files.map((file) => `[ -s ${file} ]`).join(' && ');
    if (files.length > 0)
      await this.sh(name, `n=0; until ${there}; do n=$((n + 1)); [ $n -lt 600 ] || exit 1; sleep 0.1; done`);
  }
}

/** As Promise.all, but nothing goes on behind its back when it rejects: what follows takes everything down. */
async function all(works: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(works)).find((each) => each.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** Raises a fleet, after taking down what an interrupted run of the same name left. */
export async function raiseFleet(options: FleetOptions): Promise<Fleet> {
  const fleet = new Fleet(options, await claim(options.name));
  try {
    await fleet.raise();
    return fleet;
  } catch (error) {
    await fleet.lower();
    throw error;
  }
}

/** Takes down every fleet whose process is gone. Returns the names of those that are in use, and stay. */
export async function lowerAll(): Promise<string[]> {
  const used: string[] = [];
  for (const name of await fleetNames()) {
    const owner = ownerOf(name);
    if (owner === undefined || owner === process.pid) await takeDown(name);
    else used.push(name);
  }
  return used;
}

if (import.meta.main) {
  const [verb, ...names] = process.argv.slice(2);
  if (verb !== 'down') {
    console.error(
      `usage: fleet.ts down [NAME...]: takes down fleets (see ${STATES}); without a name, all whose process is gone`,
    );
    process.exit(2);
  }
  for (const name of names) await takeDown(name);
  for (const name of names.length === 0 ? await lowerAll() : []) console.error(`${name} is in use and stays up`);
}
