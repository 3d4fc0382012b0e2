import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { background, ip, run, until, type Ran } from './shell.ts';
import { bridgeOf, end, namespaceOf, vethOf, type Claim } from './state.ts';

export const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** One host of a fleet, as hardware: a cable, a power button, a root console. */
export class Machine {
  readonly name: string;
  readonly address: string;
  readonly #claim: Claim;
  readonly #cgroup: string;
  /** Its process 1, seen from outside; absent while it is off. */
  #pid: number | undefined;

  constructor(name: string, address: string, claim: Claim, cgroup: string) {
    this.name = name;
    this.address = address;
    this.#claim = claim;
    this.#cgroup = cgroup;
  }

  get #veth(): string {
    return vethOf(this.#claim.net, this.name);
  }

  get #space(): string {
    return namespaceOf(this.#claim.net, this.name);
  }

  /** The same after each boot: others remember it. */
  get #mac(): string {
    return ['02', '77', ...this.address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))].join(':');
  }

  /** Its disk, as it is seen from outside. */
  get upper(): string {
    return join(this.#claim.disks, 'hosts', this.name, 'upper');
  }

  /** What its boot had to say. */
  get #log(): string {
    return join(this.#claim.disks, 'hosts', `${this.name}.log`);
  }

  /** Pulls the cable: packets are dropped, nobody is told. */
  async cut(): Promise<void> {
    await ip([`link set ${this.#veth} down`]);
  }

  async heal(): Promise<void> {
    await ip([`link set ${this.#veth} up`]);
  }

  /** A command line of `sh` as root, with a clean environment. Resolves whatever its exit code. */
  exec(script: string, input = ''): Promise<Ran> {
    if (this.#pid === undefined) throw new Error(`${this.name} is off`);
    const enter = ['-t', String(this.#pid), '-a', '-r', '-w', '/usr/bin/env', '-i', `PATH=${PATH}`, 'HOME=/root'];
    return run('/usr/bin/nsenter', [...enter, '/bin/sh', '-c', script], input);
  }

  /** Every process ends at once and says goodbye to nobody; what was written stays. */
  async powerCut(): Promise<void> {
    const pid = this.#pid;
    if (pid === undefined) return;
    await this.cut();
    this.#pid = undefined;
    end(pid);
    await until(`${this.name} is off`, 5000, () => !existsSync(`/proc/${pid}`));
    // With the namespace go its sockets, which would otherwise still close in order once the cable is back.
    await ip([`link del ${this.#veth}`, `netns del ${this.#space}`]);
  }

  /** Boots, and waits until sshd listens and Nginx, on a balancer, has started. */
  async powerOn(): Promise<void> {
    if (this.#pid !== undefined) return;
    const { net, disks } = this.#claim;
    await ip([
      `netns add ${this.#space}`,
      `link add ${this.#veth} type veth peer name eth0 address ${this.#mac} netns ${this.#space}`,
      `link set ${this.#veth} master ${bridgeOf(net)} up`,
    ]);
    await ip([`link set lo up`, `addr add ${this.address}/24 dev eth0`, 'link set eth0 up'], this.#space);
    const uptime = Math.floor(Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0]));
    const spaces = ['--mount', '--uts', '--pid', '--ipc', '--fork', '--kill-child', '--propagation=private'];
    const time = (await hasTime()) ? ['--time', `--boottime=-${uptime}`] : [];
    const boot = ['/bin/sh', join(import.meta.dirname, 'boot.sh'), disks, this.name, this.#cgroup];
    const enter = [`--net=/run/netns/${this.#space}`, '/usr/bin/unshare', ...spaces, ...time, ...boot];
    const parent = background('/usr/bin/nsenter', enter, this.#log);
    let child = '';
    await until(`${this.name} has a process 1`, 10_000, async () => {
      child = (await readFile(`/proc/${parent}/task/${parent}/children`, 'utf8').catch(() => '')).trim();
      return child !== '';
    });
    this.#pid = Number(child);
    await writeFile(join(disks, 'hosts', `${this.name}.pid`), child);
    // A console opened before chroot would be one of the machine itself.
    await until(`${this.name} has booted`, 20_000, async () => {
      if (!existsSync(`/proc/${child}`))
        throw new Error(`${this.name} does not boot:\n${await readFile(this.#log, 'utf8')}`);
      return existsSync(`/proc/${child}/root/run/sshd.pid`) && (await this.exec('test -e /etc/fleet/start')).code === 0;
    });
  }
}

let asked: Promise<boolean> | undefined;
/** Whether hosts can have an uptime of their own here. */
const hasTime = (): Promise<boolean> =>
  (asked ??= run('/usr/bin/unshare', ['--time', '--boottime=0', '--fork', 'true']).then(({ code }) => code === 0));
