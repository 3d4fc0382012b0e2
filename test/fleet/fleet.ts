import { existsSync } from 'node:fs';
import { appendFile, chmod, chown, cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readInventory, type Inventory } from '../../src/core/inventory.ts';
import { renderConfiguration } from '../../src/core/routing/configuration.ts';
import { declaredGroups } from '../../src/core/routing/groups.ts';
import { renderSite } from '../../src/core/routing/site.ts';
import { supervisorConfiguration, WRAPPER } from '../../src/core/service.ts';
import { DEPLOY, makeBase } from './hosts/base.ts';
import { startPostgres } from './hosts/postgres.ts';
import { atOnce, background, ip, must, run, until, type Ran } from './hosts/shell.ts';

/** Hosts out of namespaces, real enough for everything here: sshd, Nginx, supervisor, PostgreSQL, disks that survive a power cut. */
export interface FleetOptions {
  /** Short: it is part of interface names. Two fleets with two names run side by side. */
  readonly name: string;
  readonly balancers: number;
  readonly backends: number;
  readonly configuration?: 'managed' | 'fixed';
  readonly switch?: 'live' | 'reload';
  /** `own`: the site keeps its own supervisor program, without the wrapper. */
  readonly program?: 'wrapper' | 'own';
  /** lb1 is a backend too. */
  readonly both?: boolean;
  /** sshd's settings: Debian's defaults, or those for large fleets. */
  readonly sshd?: 'debian' | 'large';
  /** Of the ssh user's sessions. */
  readonly umask?: string;
  readonly tls?: boolean;
  /** What comes in by ssh gets a small share of the processors. */
  readonly slowSsh?: boolean;
  /** Without: SQLite would be needed; the project then does not work over several hosts. */
  readonly database?: boolean;
  /** Gunicorn's threads for each of its two workers. */
  readonly threads?: number;
}

export interface TestHost {
  readonly name: string;
  readonly address: string;
}

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, '..', '..');
const STATES = '/tmp/orchestrate-fleet';
export const DATABASE = {
  PGHOST: '',
  PGPORT: '5432',
  PGUSER: 'shop',
  PGPASSWORD: 'hush-hush-shop',
  PGDATABASE: 'shop',
};

/** The configuration of the application's environment: what stands in shared/env on each backend. */
const environment = (address: string, database: boolean): string =>
  [
    ...(database ? Object.entries({ ...DATABASE, PGHOST: address }).map(([key, value]) => `${key}=${value}`) : []),
    'DJANGO_SECRET_KEY="not so secret: a test"',
    'CONN_MAX_AGE=60',
    '',
  ].join('\n');

export class Fleet {
  readonly options: FleetOptions;
  readonly state: string;
  /** The machine's own address on the fleet's network: where the operator, the users and the database are. */
  readonly address: string;
  readonly balancers: readonly TestHost[];
  readonly backends: readonly TestHost[];
  readonly #bridge: string;
  readonly #net: number;

  constructor(options: FleetOptions, net: number) {
    this.options = options;
    this.state = join(STATES, options.name);
    this.#net = net;
    this.#bridge = `o${net}br`;
    this.address = `10.77.${net}.1`;
    this.balancers = Array.from({ length: options.balancers }, (_, at) => ({
      name: `lb${at + 1}`,
      address: `10.77.${net}.${10 + at}`,
    }));
    this.backends = [
      ...(options.both === true ? this.balancers.slice(0, 1) : []),
      ...Array.from({ length: options.backends - (options.both === true ? 1 : 0) }, (_, at) => ({
        name: `web${at + 1}`,
        address: `10.77.${net}.${30 + at}`,
      })),
    ];
  }

  get hosts(): readonly TestHost[] {
    return [...new Map([...this.balancers, ...this.backends].map((host) => [host.name, host])).values()];
  }

  /** Where users go. */
  get targets(): string[] {
    return this.balancers.map(({ address }) => `${address}:${this.options.tls === true ? 443 : 80}`);
  }

  get key(): string {
    return join(this.state, 'operator', 'id_ed25519');
  }

  get knownHosts(): string {
    return join(this.state, 'operator', 'known_hosts');
  }

  address_of(name: string): string {
    const host = this.hosts.find((each) => each.name === name);
    if (host === undefined) throw new Error(`no host ${name}`);
    return host.address;
  }

  /** The inventory's text; `extra` is laid over it, section by section. */
  inventory(source: string, extra: Record<string, Record<string, unknown>> = {}): string {
    const { options } = this;
    const own = options.program === 'own';
    const sections: Record<string, Record<string, unknown>> = {
      ssh: { user: DEPLOY.name, identity_file: this.key, known_hosts: this.knownHosts, config: false },
      balancers: Object.fromEntries(this.balancers.map(({ name, address }) => [name, { address }])),
      backends: Object.fromEntries(this.backends.map(({ name, address }) => [name, { address }])),
      release: { root: '/srv/www/shop' },
      build: {
        source,
        python: '/usr/bin/python3',
        static: { publish: { to: 'balancers', path: '/srv/www/shop-static' } },
      },
      service: {
        name: 'shop',
        ...(own
          ? { wrapper: false, pid_file: '/run/shop/gunicorn.pid' }
          : {
              command: `gunicorn shop.wsgi --workers 2 --threads ${options.threads ?? 8} --bind 0.0.0.0:$PORT --pid $PID_FILE`,
            }),
      },
      health: { host: 'shop.example.com' },
      nginx: { configuration: options.configuration ?? 'managed', switch: options.switch ?? 'live' },
    };
    for (const [section, keys] of Object.entries(extra)) sections[section] = { ...sections[section], ...keys };
    return `app: shop\n${Object.entries(sections)
      .map(
        ([section, keys]) =>
          `${section}:\n${Object.entries(keys)
            .map(([key, value]) => `  ${key}: ${JSON.stringify(value)}\n`)
            .join('')}`,
      )
      .join('')}`;
  }

  /** Writes an inventory file for the operator; returns its path. */
  async writeInventory(source: string, extra: Record<string, Record<string, unknown>> = {}): Promise<string> {
    const file = join(this.state, 'operator', 'inventory.yaml');
    await writeFile(file, this.inventory(source, extra));
    return file;
  }

  /** The root console of a host. */
  async exec(name: string, script: string, input?: string): Promise<Ran> {
    const pid = await this.#pid(name);
    return run(
      '/usr/bin/nsenter',
      [
        '-t',
        String(pid),
        '-a',
        '-r',
        '-w',
        '/usr/bin/env',
        '-i',
        'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        'HOME=/root',
        '/bin/sh',
        '-c',
        script,
      ],
      input,
    );
  }

  /** As `exec`, of a script that must succeed. */
  async sh(name: string, script: string, input?: string): Promise<string> {
    const ran = await this.exec(name, script, input);
    if (ran.code !== 0) throw new Error(`${name}: ${script}: exit ${ran.code}\n${ran.stdout}${ran.stderr}`);
    return ran.stdout.trimEnd();
  }

  /** A file of a host that runs, as its administrator writes it. */
  async write(name: string, path: string, text: string): Promise<void> {
    await this.sh(name, `mkdir -p '${dirname(path)}' && cat >'${path}'`, text);
  }

  /** A cable that is pulled. */
  cut(name: string): Promise<string> {
    return ip([`link set ${this.#veth(name)} down`]);
  }

  heal(name: string): Promise<string> {
    return ip([`link set ${this.#veth(name)} up`]);
  }

  /** Every process of the host ends at once; what was written stays. */
  async powerCut(name: string): Promise<void> {
    const pid = await this.#pid(name);
    process.kill(pid, 'SIGKILL');
    await until(`${name} is off`, 5000, () => !existsSync(`/proc/${pid}`));
  }

  async powerOn(name: string): Promise<void> {
    const parent = background(
      '/usr/sbin/ip',
      [
        ...['netns', 'exec', this.#netns(name)],
        ...[
          '/usr/bin/unshare',
          '--mount',
          '--uts',
          '--pid',
          '--ipc',
          '--fork',
          '--kill-child',
          '--propagation',
          'private',
        ],
        ...['/bin/sh', join(HERE, 'hosts', 'boot.sh'), this.state, name, join(this.state, 'base'), ROOT, '/root'],
      ],
      join(this.state, 'hosts', `${name}.log`),
    );
    await appendFile(join(this.state, 'pids'), `${parent}\n`);
    let child = '';
    await until(`${name} has a process 1`, 5000, async () => {
      child = (await readFile(`/proc/${parent}/task/${parent}/children`, 'utf8').catch(() => '')).trim();
      return child !== '';
    });
    await writeFile(join(this.state, 'hosts', `${name}.pid`), child);
    await until(
      `${name}'s sshd answers`,
      10_000,
      async () => (await this.exec(name, 'test -s /run/sshd.pid')).code === 0,
    );
  }

  async #pid(name: string): Promise<number> {
    return Number(await readFile(join(this.state, 'hosts', `${name}.pid`), 'utf8'));
  }

  #netns(name: string): string {
    return `o${this.#net}-${name}`;
  }

  #veth(name: string): string {
    return `o${this.#net}${name}`.slice(0, 15);
  }

  async raise(): Promise<void> {
    const { state, options } = this;
    await mkdir(state, { recursive: true });
    await must('mount', ['-t', 'tmpfs', '-o', 'mode=755,size=16g', 'tmpfs', state]);
    await mkdir(join(state, 'operator'));
    await mkdir(join(state, 'hosts'));
    await writeFile(join(state, 'net'), String(this.#net));
    await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'operator', '-f', this.key]);
    const large = options.sshd === 'large';
    await makeBase(join(state, 'base'), join(HERE, 'hosts'), {
      authorizedKey: await readFile(`${this.key}.pub`, 'utf8'),
      maxStartups: large ? '200:30:400' : '10:30:100',
      maxSessions: large ? 50 : 10,
    });
    const hostKey = (await readFile(join(state, 'base/etc/ssh/fleet_host_key.pub'), 'utf8'))
      .split(' ')
      .slice(0, 2)
      .join(' ');
    await writeFile(this.knownHosts, this.hosts.map(({ address }) => `${address} ${hostKey}\n`).join(''));
    await ip([
      `link add ${this.#bridge} type bridge`,
      `addr add ${this.address}/24 dev ${this.#bridge}`,
      `link set ${this.#bridge} up`,
    ]);
    if (options.slowSsh === true) await this.#cgroup();
    const inventory = this.#read();
    // All of them end before a failure is told: what is half made is taken down then.
    const made = await Promise.allSettled([
      options.database === false
        ? undefined
        : startPostgres(join(state, 'postgres'), this.address, DATABASE, join(state, 'pids')),
      ...this.hosts.map((host) => this.#make(host, inventory)),
    ]);
    for (const each of made) if (each.status === 'rejected') throw each.reason;
  }

  /** What an administrator does on a new host, then power. */
  async #make(host: TestHost, inventory: Inventory): Promise<void> {
    const { options } = this;
    const upper = join(this.state, 'hosts', host.name, 'upper');
    const put = async (path: string, text: string, mode = 0o644, owner = 0): Promise<void> => {
      await mkdir(dirname(join(upper, path)), { recursive: true });
      await writeFile(join(upper, path), text);
      await chmod(join(upper, path), mode);
      await chown(join(upper, path), owner, owner);
    };
    const folder = async (path: string, mode = 0o755, owner: number = DEPLOY.id): Promise<void> => {
      await mkdir(join(upper, path), { recursive: true });
      await chmod(join(upper, path), mode);
      await chown(join(upper, path), owner, owner);
    };
    const isBalancer = this.balancers.some(({ name }) => name === host.name);
    const isBackend = this.backends.some(({ name }) => name === host.name);
    await put(
      'etc/hosts',
      `127.0.0.1 localhost\n${this.hosts.map(({ name, address }) => `${address} ${name}\n`).join('')}`,
    );
    await put(
      'etc/fleet/settings',
      `app=shop\nbalancer=${isBalancer ? 'yes' : 'no'}\nbackend=${isBackend ? 'yes' : 'no'}\numask=${options.umask ?? '022'}\ncgroup=${options.slowSsh === true ? this.#cgroupFolder() : ''}\n`,
    );
    if (isBalancer) await this.#balancer(inventory, put, folder);
    if (isBackend) await this.#backend(host, inventory, put, folder);
    const ns = this.#netns(host.name);
    const veth = this.#veth(host.name);
    await ip([
      `netns add ${ns}`,
      `link add ${veth} type veth peer name eth0 netns ${ns}`,
      `link set ${veth} master ${this.#bridge} up`,
    ]);
    await must('/usr/sbin/ip', ['-n', ns, 'addr', 'add', `${host.address}/24`, 'dev', 'eth0']);
    await must('/usr/sbin/ip', ['-n', ns, 'link', 'set', 'eth0', 'up']);
    await this.powerOn(host.name);
  }

  async #balancer(inventory: Inventory, put: Put, folder: Folder): Promise<void> {
    const { options } = this;
    const managed = (options.configuration ?? 'managed') === 'managed';
    await folder('var/lib/orchestrate', 0o755, 0);
    await folder('var/lib/orchestrate/shop', 0o711);
    await folder('srv/www/shop-static');
    await folder('etc/nginx/orchestrate', 0o755, managed ? DEPLOY.id : 0);
    const groups =
      inventory.nginx.switch === 'reload' ? declaredGroups(inventory).slice(0, 1) : declaredGroups(inventory);
    const { text } = renderConfiguration(
      inventory,
      groups,
      await readFile(join(ROOT, 'templates/upstream.conf.hbs'), 'utf8'),
    );
    await put('etc/nginx/orchestrate/shop.conf', text, 0o644, managed ? DEPLOY.id : 0);
    const tls = options.tls === true;
    if (tls) {
      await this.#certificate();
      await put('etc/ssl/shop.pem', await readFile(join(this.state, 'operator/shop.pem'), 'utf8'));
      await put('etc/ssl/shop.key', await readFile(join(this.state, 'operator/shop.key'), 'utf8'), 0o600);
    }
    const site =
      inventory.nginx.switch === 'reload'
        ? plainSite()
        : renderSite(
            inventory,
            {
              listen: tls ? '443' : '80',
              ...(tls ? { tls: { certificate: '/etc/ssl/shop.pem', key: '/etc/ssl/shop.key', http2: true } } : {}),
            },
            await readFile(join(ROOT, 'templates/site.conf.hbs'), 'utf8'),
          );
    await put('etc/nginx/sites-fleet/shop.conf', site);
    await put(
      'etc/nginx/nginx.conf',
      'user www-data;\nworker_processes 2;\npid /run/nginx.pid;\nerror_log /var/log/nginx/error.log;\nevents { worker_connections 4096; }\nhttp {\n  default_type text/html;\n  access_log off;\n  server_tokens off;\n  include /etc/nginx/orchestrate/*.conf;\n  include /etc/nginx/sites-fleet/*.conf;\n}\n',
    );
    if (managed)
      await put(
        'etc/sudoers.d/orchestrate',
        `${DEPLOY.name} ALL=(root) NOPASSWD: /usr/sbin/nginx -t, /usr/sbin/nginx -s reload\n`,
        0o440,
      );
  }

  async #backend(host: TestHost, inventory: Inventory, put: Put, folder: Folder): Promise<void> {
    const backend = inventory.backends.find(({ name }) => name === host.name);
    if (backend === undefined) throw new Error(`${host.name} is no backend`);
    await folder('srv/www/shop');
    await folder('srv/www/shop/shared');
    await put('srv/www/shop/shared/env', environment(this.address, this.options.database !== false), 0o600, DEPLOY.id);
    await put(WRAPPER.slice(1), await readFile(join(ROOT, 'templates/run-slot.sh'), 'utf8'), 0o755);
    const program =
      this.options.program === 'own'
        ? OWN_PROGRAM(this.options.threads ?? 8)
        : supervisorConfiguration(
            inventory,
            backend,
            await readFile(join(ROOT, 'templates/supervisor.conf.hbs'), 'utf8'),
            DEPLOY.name,
          );
    await put(
      'etc/supervisor/fleet.conf',
      `[supervisord]\nlogfile=/var/log/supervisor/supervisord.log\npidfile=/run/supervisord.pid\nchildlogdir=/var/log/supervisor\nnodaemon=true\n[unix_http_server]\nfile=/run/supervisor.sock\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n[supervisorctl]\nserverurl=unix:///run/supervisor.sock\n${program}`,
    );
    await folder('var/log/supervisor', 0o755, 0);
  }

  #read(): Inventory {
    const read = readInventory(this.inventory('.'), 'inventory.yaml', '/root');
    if (read.ok) return read.inventory;
    throw new Error(read.problems.map(({ path, message }) => `${path}: ${message}`).join('\n'));
  }

  async #certificate(): Promise<void> {
    const at = (name: string): string => join(this.state, 'operator', name);
    if (existsSync(at('shop.pem'))) return;
    await must('openssl', [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '30',
      '-subj',
      '/CN=shop.example.com',
      '-addext',
      'subjectAltName=DNS:shop.example.com',
      '-keyout',
      at('shop.key'),
      '-out',
      at('shop.pem'),
    ]);
  }

  #cgroupFolder(): string {
    return `/sys/fs/cgroup/cpu/orchestrate-${this.options.name}`;
  }

  async #cgroup(): Promise<void> {
    await mkdir(this.#cgroupFolder(), { recursive: true });
    await writeFile(join(this.#cgroupFolder(), 'cpu.shares'), '128');
  }

  /** Takes everything down; nothing is left behind. */
  async lower(): Promise<void> {
    await lower(this.options.name);
  }
}

type Put = (path: string, text: string, mode?: number, owner?: number) => Promise<void>;
type Folder = (path: string, mode?: number, owner?: number) => Promise<void>;

/** A site's own program, as many have it: real paths by cd -P. */
const OWN_PROGRAM = (threads: number): string => `
[program:shop]
command=/bin/sh -c 'cd -P /srv/www/shop/current/repository || { sleep 1; exit 1; }; set -a && . /srv/www/shop/shared/env && exec ../virtualenv/bin/gunicorn shop.wsgi --workers 2 --threads ${threads} --bind 0.0.0.0:8000 --pid /run/shop/gunicorn.pid'
user=deploy
autorestart=true
startsecs=0
stopasgroup=true
redirect_stderr=true
stdout_logfile=/var/log/supervisor/shop-8000.log
`;

/** A site that keeps its plain proxy_pass: for nginx.switch: reload. */
const plainSite = (): string =>
  'server {\n  listen 80;\n  server_name shop.example.com;\n  access_log /var/log/nginx/shop.json orchestrate_shop;\n  keepalive_timeout 75s;\n  proxy_http_version 1.1;\n  proxy_set_header Host $host;\n  proxy_set_header Connection "";\n  proxy_connect_timeout 1s;\n  location / { proxy_pass http://shop; }\n  location /static/ { alias /srv/www/shop-static/; }\n}\n';

/** Raises a fleet, after taking down what an interrupted run of the same name left. */
export async function raiseFleet(options: FleetOptions): Promise<Fleet> {
  await lower(options.name);
  await mkdir(STATES, { recursive: true });
  const fleet = new Fleet(options, await freeNet());
  try {
    await fleet.raise();
    return fleet;
  } catch (error) {
    await fleet.lower();
    throw error;
  }
}

async function freeNet(): Promise<number> {
  for (let net = 1; net < 250; net += 1) {
    try {
      await mkdir(join(STATES, `.net-${net}`));
      await clear(net);
      return net;
    } catch {
      // Another fleet has it.
    }
  }
  throw new Error(`no subnet is free; look at ${STATES}`);
}

/** Takes a fleet down, from what its state folder says. */
async function lower(name: string): Promise<void> {
  const state = join(STATES, name);
  const net = await readFile(join(state, 'net'), 'utf8').catch(() => undefined);
  const hostPids = await Promise.all(
    (await readdir(join(state, 'hosts')).catch(() => []))
      .filter((file) => file.endsWith('.pid'))
      .map(async (file) => Number(await readFile(join(state, 'hosts', file), 'utf8'))),
  );
  const pids = (await readFile(join(state, 'pids'), 'utf8').catch(() => '')).split('\n').filter(Boolean).map(Number);
  for (const pid of [...hostPids, ...pids])
    if (await ours(pid, state)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
  for (const pid of [...hostPids, ...pids])
    await until(`process ${pid} has ended`, 10_000, async () => !(await ours(pid, state)));
  if (net !== undefined) {
    await clear(Number(net));
    await rm(join(STATES, `.net-${net}`), { recursive: true, force: true });
  }
  await until('the fleet’s disks are free', 10_000, () => !existsSync(join(state, 'net')) || atOnce('umount', [state]));
  await rm(state, { recursive: true, force: true });
  atOnce('rmdir', [`/sys/fs/cgroup/cpu/orchestrate-${name}`]);
}

/** The network of a fleet that is not there any more. */
async function clear(net: number): Promise<void> {
  const spaces = (await readdir('/run/netns').catch(() => [])).filter((each) => each.startsWith(`o${net}-`));
  if (spaces.length > 0) await ip(spaces.map((each) => `netns del ${each}`));
  // A namespace takes its end of a cable along only when the kernel gets to it: ours is taken here, so that the next fleet may have its name.
  const links = (await readdir('/sys/class/net')).filter((each) => new RegExp(`^o${net}[a-z]`).test(each));
  for (const each of links) atOnce('/usr/sbin/ip', ['link', 'del', each]);
}

/** Whether a process that lives is one of this fleet's, and not one that has got its number since. */
async function ours(pid: number, state: string): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return command.includes(state) || command.includes('/etc/fleet/start');
}

/** Every fleet that an interrupted run has left. */
export async function lowerAll(): Promise<void> {
  for (const name of await readdir(STATES).catch(() => [])) if (!name.startsWith('.')) await lower(name);
  await rm(STATES, { recursive: true, force: true });
}

/** Copies a folder of the fleet's results to where it outlives the fleet. */
export const keep = (from: string, to: string): Promise<void> => cp(from, to, { recursive: true });
