import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isolate } from './hosts-cpu.ts';

/** What a program of the operator took. */
export interface Measured {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Seconds. */
  readonly wall: number;
  /** Seconds of CPU, user and system, of all its processes. */
  readonly cpu: number;
  /** Bytes: the most that all its processes held together, looked at four times a second; what they share counts once. */
  readonly memory: number;
  /** Milliseconds since the epoch. */
  readonly began: number;
}

/** Runs a program and measures the whole tree of its processes; those must end before it does. */
export async function measured(command: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'orchestrate-bench-'));
  const times = join(folder, 'times');
  const began = Date.now();
  // The shell's own `time` counts every process that was waited for.
  const child = spawn(
    '/bin/bash',
    ['-c', 'TIMEFORMAT="%R %U %S"; { time "$@" 2>&3; } 3>&2 2>"$0"', times, ...command],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
    },
  );
  if (child.pid !== undefined) void isolate('operator', child.pid);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  let memory = 0;
  const look = setInterval(
    () => void held(child.pid ?? 0).then(({ own, shared }) => (memory = Math.max(memory, own + shared))),
    250,
  );
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', reject).on('close', (status) => resolve(status ?? 255));
  });
  clearInterval(look);
  const [wall = NaN, user = NaN, system = NaN] = (await readFile(times, 'utf8')).trim().split(' ').map(Number);
  await rm(folder, { recursive: true, force: true });
  return { code, stdout, stderr, wall, cpu: user + system, memory, began };
}

/** What the processes of a tree hold: bytes of their own, and of what they share. */
interface Held {
  readonly own: number;
  readonly shared: number;
}

/** Looks at a process's children and theirs. What is shared counts once: as much as the process has that shares most. */
async function held(pid: number): Promise<Held> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  let [own, shared] = [0, 0];
  for (const child of children.split(' ').filter(Boolean)) {
    const rollup = await readFile(`/proc/${child}/smaps_rollup`, 'utf8').catch(() => '');
    const bytes = (key: string): number =>
      Number(new RegExp(`^${key}: +([0-9]+) kB$`, 'm').exec(rollup)?.[1] ?? 0) * 1024;
    const below = await held(Number(child));
    const alone = bytes('Private_Clean') + bytes('Private_Dirty');
    own += alone + below.own;
    shared = Math.max(shared, bytes('Rss') - alone, below.shared);
  }
  return { own, shared };
}
