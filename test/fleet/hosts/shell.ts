import { closeSync, openSync } from 'node:fs';
import { execFile, execFileSync, spawn } from 'node:child_process';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of this machine. Resolves whatever its exit code. */
export function run(command: string, args: readonly string[], input?: string): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 255;
      resolve({ code, stdout, stderr });
    });
    child.stdin?.on('error', () => {}).end(input);
  });
}

/** Runs a program that must succeed; returns its standard output. */
export async function must(command: string, args: readonly string[], input?: string): Promise<string> {
  const ran = await run(command, args, input);
  if (ran.code !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${ran.code}\n${ran.stdout}${ran.stderr}`);
  return ran.stdout;
}

/** Several commands of `ip`, in one process. */
export const ip = (lines: readonly string[]): Promise<string> =>
  must('/usr/sbin/ip', ['-batch', '-'], `${lines.join('\n')}\n`);

/** A process that goes on, of which `log` keeps what it says. Returns its id. */
export function background(command: string, args: readonly string[], log: string): number {
  const file = openSync(log, 'a');
  const child = spawn(command, args, { stdio: ['ignore', file, file], detached: true });
  closeSync(file);
  child.unref();
  if (child.pid === undefined) throw new Error(`${command} did not start`);
  return child.pid;
}

/** Runs a program at once, for what must not wait: taking down. */
export function atOnce(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Asks until the answer is true; throws after `ms`. */
export async function until(what: string, ms: number, ask: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + ms;
  while (!(await ask())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}
