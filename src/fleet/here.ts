import { spawn } from 'node:child_process';
import type { Outcome } from '../core/outcome.ts';

export interface HereCall {
  /** Run by `sh -c`. */
  readonly command: string;
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Milliseconds. */
  readonly deadline: number;
  /** Ends it before its deadline. */
  readonly stop?: AbortSignal;
  /** Each whole line that it prints, as it comes. */
  readonly onLine: (line: string) => void;
}

/** From TERM to KILL, and from the end of the command to the end of its output, which something left running may hold. Milliseconds. */
const GRACE = 2000;
/** Characters of output that are kept, from the end. */
const KEPT = 64_000;

/**
 * Runs a command on this machine, in a process group of its own, so that Ctrl-C on the terminal is not its end, and so that all that it
 * started ends with it at the deadline. Standard input is closed. What it prints, on both streams, is in `stdout`. Does not reject.
 */
export function runHere(call: HereCall): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn('/bin/sh', ['-c', call.command], {
      cwd: call.folder,
      env: call.environment,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let late = false;
    let ended = false;
    const end = (outcome: Outcome): void => {
      if (ended) return;
      ended = true;
      clearTimeout(deadline);
      clearTimeout(kill);
      process.off('exit', leave);
      call.stop?.removeEventListener('abort', stop);
      child.stdout.destroy();
      child.stderr.destroy();
      resolve(outcome);
    };
    const signal = (name: NodeJS.Signals): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, name);
      } catch {
        // The group has ended.
      }
    };
    let kill: NodeJS.Timeout | undefined;
    const stop = (): void => {
      signal('SIGTERM');
      kill ??= setTimeout(() => signal('SIGKILL'), GRACE);
    };
    const deadline = setTimeout(() => {
      late = true;
      stop();
    }, call.deadline);
    const leave = (): void => signal('SIGTERM');
    process.on('exit', leave);
    call.stop?.addEventListener('abort', stop, { once: true });
    if (call.stop?.aborted === true) stop();

    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-KEPT);
        const lines = `${rest}${text}`.split('\n');
        rest = (lines.pop() ?? '').slice(-KEPT);
        for (const line of lines) call.onLine(line);
      });
      stream.on('close', () => rest !== '' && call.onLine(rest));
    }
    child.on('error', (error) => end({ kind: 'lost', reason: error.message, stdout: output, stderr: '' }));
    const over = (code: number | null, signalled: NodeJS.Signals | null): void => {
      if (late) end({ kind: 'timed out', after: call.deadline, stdout: output, stderr: '' });
      else if (code === null) end({ kind: 'signalled', signal: signalled ?? '?', stdout: output, stderr: '' });
      else end({ kind: 'exited', code, stdout: output, stderr: '' });
    };
    child.on('close', over);
    child.on('exit', (code, signalled) => void setTimeout(() => over(code, signalled), GRACE).unref());
  });
}
