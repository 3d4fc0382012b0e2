import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Fleet } from '../test/fleet/fleet.ts';

const CONTROLLER = '/sys/fs/cgroup/cpu';
const OURS = join(CONTROLLER, 'bench-hosts');

/** Whether the machine can give each host a CPU group of its own. */
export const hasGroups = (): boolean => existsSync(join(CONTROLLER, 'cpu.shares'));

/**
 * All hosts share the machine's processors, so a restart on one slows the others down, as no real host would. Here each gets a group of
 * its own, what comes in by ssh a small one inside it; the users' machine is the quickest of all.
 */
export async function groupHosts(fleet: Fleet): Promise<void> {
  if (!hasGroups()) return;
  await mkdir(OURS, { recursive: true });
  await writeFile(join(OURS, 'cpu.shares'), '16384');
  await Promise.all(
    fleet.hosts.map(async ({ name }) => {
      const first = (await readFile(join(fleet.state, 'hosts', `${name}.pid`), 'utf8')).trim();
      const services = await group(name, fleet.balancers.some((each) => each.name === name) ? 2048 : 1024);
      const sessions = await group(join(name, 'ssh'), 256);
      for (const pid of await family(first)) {
        const isSsh = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).startsWith('sshd');
        await enter(isSsh ? sessions : services, pid);
      }
    }),
  );
}

/** Puts a process, and what it starts from now on, into a group of its own beside the hosts'. */
export async function isolate(name: string, pid: number, shares: number): Promise<void> {
  if (!hasGroups()) return;
  await mkdir(OURS, { recursive: true });
  await enter(await group(name, shares), String(pid));
}

/** Once all their processes have ended. */
export async function removeGroups(): Promise<void> {
  for (const name of await readdir(OURS).catch(() => [])) {
    const folder = join(OURS, name);
    await rmdir(join(folder, 'ssh')).catch(() => {});
    await rmdir(folder).catch(() => {});
  }
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

/** A process and all that came of it. */
async function family(pid: string): Promise<string[]> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => ''))
    .split(' ')
    .filter(Boolean);
  return [pid, ...(await Promise.all(children.map(family))).flat()];
}
