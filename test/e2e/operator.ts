import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Event } from '../../src/core/event.ts';

const ROOT = join(import.meta.dirname, '..', '..');

export interface Ran {
  readonly code: number;
  /** By which it ended, where it did not exit. */
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Of a command with --json. */
  readonly events: readonly Event[];
}

export interface Begun {
  readonly pid: number;
  readonly ended: Promise<Ran>;
}

/** Where a call is met (see at-call.ts), and what is done there. */
export interface AtCall {
  readonly at?: string;
  readonly deed?: string;
  readonly log?: string;
}

/** Starts the program as an operator does; `machine` is a folder of its own for each of them. */
export function beginOrchestrate(inventory: string, machine: string, args: readonly string[], met?: AtCall): Begun {
  const preload = met === undefined ? [] : ['--import', join(import.meta.dirname, 'at-call.ts')];
  const child = spawn(process.execPath, [...preload, join(ROOT, 'src/main.ts'), '-i', inventory, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      XDG_CACHE_HOME: join(machine, 'cache'),
      // Compiled once for all of these machines: else it costs more than most commands themselves.
      NODE_COMPILE_CACHE: join(tmpdir(), 'orchestrate-compiled'),
      SSH_AUTH_SOCK: '',
      ...(met?.at === undefined ? {} : { AT_CALL: met.at, AT_CALL_DO: met.deed ?? '' }),
      ...(met?.log === undefined ? {} : { AT_CALL_LOG: met.log }),
    },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Ran>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      // A line that was being written when it ended is none.
      const events = stdout
        .split('\n')
        .flatMap((line): Event[] =>
          line.startsWith('{"at"') && line.endsWith('}') ? [JSON.parse(line) as Event] : [],
        );
      resolve({ code: code ?? (signal === null ? 255 : 128), signal, stdout, stderr, events });
    });
  });
  return { pid: child.pid ?? 0, ended };
}
