import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '../core/failure.ts';

/**
 * The lock beside the service's files: PGlite has none, and two services on one folder would ruin it. It names the process that holds it,
 * and is taken over only from one that is no more; a process counts as the same only where it began at the same time.
 */

interface Owner {
  readonly pid: number;
  /** When the process began, as its system tells it; empty: the system does not tell. */
  readonly began: string;
}

/** Takes the lock; what it resolves to gives it up. Rejects with `Refusal` (exit 2) where a living process has it. */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, 'lock');
  const own = { pid: process.pid, began: await beganAt(process.pid) };
  const mine = join(folder, `lock.${process.pid}`);
  await writeFile(mine, `${JSON.stringify(own)}\n`, { mode: 0o600 });
  try {
    for (let tries = 0; tries < 5; tries += 1) {
      // oxlint-disable no-await-in-loop -- one try after the other
      // A link is made whole or not at all, and by one alone.
      if (await made(() => link(mine, file))) return () => rm(file, { force: true });
      const owner = await ownerOf(file);
      if (owner !== undefined && (await lives(owner)))
        throw new Refusal(
          2,
          `Another service (process ${owner.pid}) works on ${folder}.`,
          'Stop it, or give this one a folder of its own (--data), or both the same --database postgres://…',
        );
      // Of several that find a dead one's lock, one moves it away; who moved a living one's by mistake puts it back.
      const gone = join(folder, `lock.dead.${process.pid}`);
      if (await made(() => rename(file, gone))) {
        const moved = await ownerOf(gone);
        if (moved !== undefined && (await lives(moved))) await made(() => link(gone, file));
        await rm(gone, { force: true });
      }
      // oxlint-enable no-await-in-loop
    }
    throw new Refusal(
      2,
      `The lock ${file} can't be taken.`,
      'See who else works on this folder, and give the command again.',
    );
  } finally {
    await rm(mine, { force: true });
  }
}

async function made(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST' || code === 'ENOENT') return false;
    throw error;
  }
}

async function ownerOf(file: string): Promise<Owner | undefined> {
  try {
    const [, pid, began = ''] = /^\{"pid":(\d+),"began":"([^"]*)"\}\n$/.exec(await readFile(file, 'utf8')) ?? [];
    return pid === undefined ? undefined : { pid: Number(pid), began };
  } catch {
    return undefined;
  }
}

async function lives({ pid, began }: Owner): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and another user's.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  return began === (await beganAt(pid));
}

/** Field 22 of /proc/PID/stat, after the name, which may hold anything. */
async function beganAt(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
