import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, readlink, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Fleet } from '../test/fleet/fleet.ts';

const CONTROLLER = '/sys/fs/cgroup/cpu';
const OURS = join(CONTROLLER, 'bench-hosts');
/**
 * Shares of the processors. What is done to a backend by ssh, and what starts there, has little: on real hosts it slows no neighbour down. The
 * operator is a machine of its own, and a backend that starts does not keep a balancer from answering by ssh.
 */
const SHARES = {
  users: 8192,
  database: 4096,
  balancer: 2048,
  backend: 1024,
  operator: 4096,
  balancerSsh: 1024,
  ssh: 256,
  starting: 128,
} as const;
/** Milliseconds after which a process has started and is of its host. */
const STARTED = 1000;

/** Whether the machine can give the hosts CPU groups of their own. */
export const hasGroups = (): boolean => existsSync(join(CONTROLLER, 'cpu.shares'));

/**
 * All hosts share the machine's processors, so a restart on one slows the others down, as no real host would. Here each has a group of
 * its own, and so have the restarts, ssh's sessions, the database, the users and the operator. Returns what ends it.
 */
export async function groupHosts(fleet: Fleet): Promise<() => Promise<void>> {
  if (!hasGroups()) return async () => {};
  await mkdir(OURS, { recursive: true });
  await writeFile(join(OURS, 'cpu.shares'), '49152');
  const starting = await group('starting', SHARES.starting);
  const hostOf = new Map<string, string>();
  for (const { name } of fleet.hosts) {
    const isBalancer = fleet.balancers.some((each) => each.name === name);
    const own = await group(name, isBalancer ? SHARES.balancer : SHARES.backend);
    const first = (await readFile(join(fleet.state, 'hosts', `${name}.pid`), 'utf8')).trim();
    hostOf.set(await spaceOf(first), own);
    for (const pid of await family(first)) {
      const command = await commandOf(pid);
      if (command.startsWith('sshd') && isBalancer) await enter(await group('balancer-ssh', SHARES.balancerSsh), pid);
      else if (command.startsWith('sshd')) await enter(await group('ssh', SHARES.ssh), pid);
      else await enter(/supervisord|run-slot/.test(command) ? starting : own, pid);
    }
  }
  for (const pid of (await readdir('/proc')).filter((each) => /^[0-9]+$/.test(each)))
    if ((await commandOf(pid)).includes(`${fleet.state}/postgres`))
      for (const each of await family(pid)) await enter(await group('database', SHARES.database), each);

  const seen = new Map<string, number>();
  let moving = Promise.resolve();
  const timer = setInterval(() => {
    moving = moving.then(() => moveStarted(starting, hostOf, seen));
  }, 200);
  return async () => {
    clearInterval(timer);
    await moving;
  };
}

/** Gunicorn's processes are born beside supervisord; those that have started go to their host's group. */
async function moveStarted(
  starting: string,
  hostOf: ReadonlyMap<string, string>,
  seen: Map<string, number>,
): Promise<void> {
  const pids = (await readFile(join(starting, 'cgroup.procs'), 'utf8')).split('\n').filter(Boolean);
  const now = performance.now();
  for (const pid of seen.keys()) if (!pids.includes(pid)) seen.delete(pid);
  for (const pid of pids) {
    const since = seen.get(pid);
    if (since === undefined) seen.set(pid, now);
    else if (since > 0 && now - since > STARTED) {
      // Looked at once: supervisord and the wrappers stay.
      seen.set(pid, 0);
      const own = /gunicorn shop\.wsgi/.test(await commandOf(pid)) ? hostOf.get(await spaceOf(pid)) : undefined;
      if (own !== undefined && !/run-slot|supervisord|until cd/.test(await commandOf(pid))) await enter(own, pid);
    }
  }
}

/** Puts a process, and what it starts from now on, into a group beside the hosts'. */
export async function isolate(name: 'users' | 'operator', pid: number): Promise<void> {
  if (existsSync(OURS)) await enter(await group(name, SHARES[name]), String(pid));
}

/** Once all their processes have ended. */
export async function removeGroups(): Promise<void> {
  for (const name of await readdir(OURS).catch(() => [])) await rmdir(join(OURS, name)).catch(() => {});
  await rmdir(OURS).catch(() => {});
}

async function group(name: string, shares: number): Promise<string> {
  const folder = join(OURS, name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'cpu.shares'), String(shares));
  return folder;
}

const enter = (folder: string, pid: string): Promise<void> =>
  writeFile(join(folder, 'cgroup.procs'), pid).catch(() => {});

const commandOf = async (pid: string): Promise<string> =>
  (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ');

/** The name of the host that a process is on, by its UTS namespace. */
const spaceOf = async (pid: string): Promise<string> => readlink(`/proc/${pid}/ns/uts`).catch(() => '');

/** A process and all that came of it. */
async function family(pid: string): Promise<string[]> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => ''))
    .split(' ')
    .filter(Boolean);
  return [pid, ...(await Promise.all(children.map(family))).flat()];
}
