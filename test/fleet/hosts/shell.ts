import { execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of this machine. Resolves whatever its exit code (255: ended by a signal, or never begun). */
export function run(command: string, args: readonly string[], input = ''): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 255;
      resolve({ code, stdout, stderr: stderr === '' && error !== null ? error.message : stderr });
    });
    child.stdin?.on('error', () => {}).end(input);
  });
}

/** Runs a program that must succeed; returns its standard output. */
export async function must(command: string, args: readonly string[], input = ''): Promise<string> {
  const ran = await run(command, args, input);
  if (ran.code !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${ran.code}\n${ran.stdout}${ran.stderr}`);
  return ran.stdout;
}

/** Several commands of `ip` in one process; `inside` names a network namespace. */
export const ip = (lines: readonly string[], inside?: string): Promise<string> =>
  must('/usr/sbin/ip', [...(inside === undefined ? [] : ['-n', inside]), '-batch', '-'], `${lines.join('\n')}\n`);

/** A process that goes on after this one; `log` keeps what it says. Returns its id. */
export function background(command: string, args: readonly string[], log: string): number {
  const file = openSync(log, 'a');
  const child = spawn(command, args, { stdio: ['ignore', file, file], detached: true, cwd: '/' });
  closeSync(file);
  child.unref();
  if (child.pid === undefined) throw new Error(`${command} did not start`);
  return child.pid;
}

/** Asks until the answer is true; throws after `ms`. */
export async function until(what: string, ms: number, ask: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + ms;
  // oxlint-disable-next-line no-await-in-loop -- one question after the other
  while (!(await ask())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${ms} ms`);
    // oxlint-disable-next-line no-await-in-loop
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
