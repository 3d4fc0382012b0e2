import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, readlink, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeGroup } from './cgroup.ts';
import { ip, must, run, until } from './shell.ts';

/**
 * What fleets there are: STATES/NAME/{owner,pids}, NAME/disks (a tmpfs), and for each network in use a link net-N -> NAME. All of it
 * is written before what it tells of is made, so that whatever an interrupted run has left can be found and taken down.
 */
export const STATES = '/tmp/orchestrate-fleet';

export interface Claim {
  /** 1…250: its network is 10.77.N.0/24, and all names of interfaces and namespaces begin with oN. */
  readonly net: number;
  /** An empty tmpfs, the fleet's own. */
  readonly disks: string;
}

export const namespaceOf = (net: number, host: string): string => `o${net}-${host}`;
export const vethOf = (net: number, host: string): string => `o${net}${host}`;
export const bridgeOf = (net: number): string => `o${net}br`;

/** Takes a name and a network. What a run of this name left behind is taken down; one that is still alive is an error. */
export async function claim(name: string): Promise<Claim> {
  if (!/^[a-z0-9-]{1,32}$/.test(name))
    throw new Error(`a fleet's name: small letters, digits and hyphens, not ${name}`);
  const owner = ownerOf(name);
  if (owner !== undefined && owner !== process.pid) throw new Error(`the fleet ${name} is up, of process ${owner}`);
  await takeDown(name);
  await mkdir(STATES, { recursive: true });
  const net = await freeNet(name);
  const folder = join(STATES, name);
  await mkdir(folder);
  await writeFile(join(folder, 'owner'), `${process.pid} ${bornAt(process.pid) ?? ''}`);
  const disks = join(folder, 'disks');
  await mkdir(disks);
  await must('mount', ['-t', 'tmpfs', '-o', 'mode=755,size=16g', 'tmpfs', disks]);
  return { net, disks };
}

/** The process that raised a fleet, if it still lives. */
export function ownerOf(name: string): number | undefined {
  try {
    const [pid, born] = readFileSync(join(STATES, name, 'owner'), 'utf8').split(' ');
    return born === bornAt(Number(pid)) ? Number(pid) : undefined;
  } catch {
    return undefined;
  }
}

export const fleetNames = async (): Promise<string[]> => {
  const found = await readdir(STATES).catch(() => []);
  const named = found.filter((each) => !each.startsWith('net-'));
  const nets = await Promise.all(
    found.filter((each) => each.startsWith('net-')).map((net) => readlink(join(STATES, net))),
  );
  return [...new Set([...named, ...nets])];
};

/** Takes a fleet down, from what is written of it. Nothing there is no error. */
export async function takeDown(name: string): Promise<void> {
  const folder = join(STATES, name);
  const nets: number[] = [];
  for (const each of await readdir(STATES).catch(() => []))
    if (each.startsWith('net-') && (await readlink(join(STATES, each)).catch(() => '')) === name)
      nets.push(Number(each.slice(4)));
  const spaces = (await readdir('/run/netns').catch(() => [])).filter((each) =>
    nets.some((net) => each.startsWith(`o${net}-`)),
  );

  const inside = await Promise.all(
    spaces.map(async (space) => (await run('/usr/sbin/ip', ['netns', 'pids', space])).stdout),
  );
  const noted = (await readFile(join(folder, 'pids'), 'utf8').catch(() => ''))
    .split('\n')
    .filter((pid) => tells(pid, folder));
  const pids = [...inside.join('\n').split('\n'), ...noted].filter(Boolean).map(Number);
  for (const pid of pids) end(pid);
  await until(`the fleet ${name} has ended`, 10_000, () => !pids.some((pid) => existsSync(`/proc/${pid}`)));

  const links = (await readdir('/sys/class/net')).filter((each) =>
    nets.some((net) => new RegExp(`^o${net}(br$|[a-z])`).test(each)),
  );
  if (links.length > 0) await ip(links.map((link) => `link del ${link}`)).catch(() => '');
  if (spaces.length > 0) await ip(spaces.map((each) => `netns del ${each}`));
  await until(`the disks of ${name} are free`, 10_000, async () => {
    const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '');
    const left = mounts.filter((mount) => `${mount}/`.startsWith(`${folder}/`));
    return left.length === 0 || (await run('umount', left.toReversed())).code === 0;
  });
  await removeGroup(name);
  await rm(folder, { recursive: true, force: true });
  for (const net of nets) await unlink(join(STATES, `net-${net}`));
}

async function freeNet(name: string): Promise<number> {
  for (let net = 250; net > 0; net -= 1) {
    try {
      await symlink(name, join(STATES, `net-${net}`));
    } catch {
      continue; // Another fleet has it.
    }
    // One that is not ours at all.
    if (!existsSync(`/sys/class/net/${bridgeOf(net)}`)) return net;
    await unlink(join(STATES, `net-${net}`));
  }
  throw new Error(`no network is free: see ${STATES}`);
}

/** When a process began, in ticks since boot: with it, its id is never taken for another's. */
function bornAt(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19];
  } catch {
    return undefined;
  }
}

/** Whether a process's command line names the fleet's folder. */
function tells(pid: string, folder: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${folder}/`);
  } catch {
    return false;
  }
}

export function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
