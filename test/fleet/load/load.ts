import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { LoadOptions } from './generator.ts';
import type { Report } from './report.ts';
import type { Live } from './tally.ts';

export interface Load {
  /** Its process id. */
  readonly pid: number;
  /** The newest counters, 250 ms old at most; null before the first. */
  readonly live: Live | null;
  /** Ends the load and gives its report. Rejects with the last of its standard error when it died. */
  stop(): Promise<Report>;
  /** The report, when the load ends by its seconds or by `stop`. */
  readonly done: Promise<Report>;
}

/**
 * Starts the load in a process of its own, so that neither of the two takes the other's time. Resolves when its
 * connections are open and its first counters have come. `onLive` is called with each line of counters; `command` goes in
 * front, as in `['ip', 'netns', 'exec', 'users']`.
 */
export async function startLoad(
  options: LoadOptions & { readonly onLive?: (live: Live) => void; readonly command?: readonly string[] },
): Promise<Load> {
  const folder = await mkdtemp(join(tmpdir(), 'load-'));
  const file = join(folder, 'report.json');
  const args = [join(import.meta.dirname, 'main.ts'), '--targets', options.targets.join(','), '--report', file];
  args.push(
    '--releases',
    Object.entries(options.releases)
      .map(([name, sheet]) => `${name}=${sheet}`)
      .join(','),
  );
  for (const name of ['seconds', 'host', 'seed', 'run', 'users'] as const) {
    if (options[name] !== undefined) args.push(`--${name}`, String(options[name]));
  }
  if (options.ca !== undefined) {
    await writeFile(join(folder, 'ca.pem'), options.ca);
    args.push('--ca', join(folder, 'ca.pem'));
  }
  if (options.http2) args.push('--http2');
  if (options.mix) args.push('--mix', JSON.stringify(options.mix));

  const [program, ...rest] = [...(options.command ?? []), process.execPath, ...args];
  const child = spawn(program!, rest, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  let errors = '';
  child.stderr!.on('data', (bytes: Buffer) => (errors = (errors + bytes.toString()).slice(-2000)));
  const closed = new Promise<void>((resolve, reject) => child.once('error', reject).once('close', () => resolve()));
  const done = (async (): Promise<Report> => {
    await closed;
    const text = await readFile(file, 'utf8').catch(() => null);
    await rm(folder, { recursive: true, force: true });
    if (text === null) throw new Error(`the load ended without a report: ${errors.trim()}`);
    return JSON.parse(text);
  })();
  done.catch(() => {}); // whoever waits for it is told; nobody may

  let live: Live | null = null;
  const first = new Promise<void>((resolve) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const counters: Live = JSON.parse(line);
      live = counters;
      options.onLive?.(counters);
      resolve();
    });
  });
  await Promise.race([first, done]);
  return {
    pid: child.pid!,
    get live() {
      return live;
    },
    stop: () => (child.kill('SIGTERM'), done),
    done,
  };
}
