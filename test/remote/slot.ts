import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { formatRelease } from '../../src/core/release.ts';
import { freePort, run, type Ended } from './stand.ts';

export const V1 = '20261123-0101-aaaaaaa';
export const V2 = '20261123-0202-bbbbbbb';
export const KEY = '0123456789abcdef';
export const WRAPPER = fileURLToPath(new URL('../../templates/run-slot.sh', import.meta.url));

const APPLICATION = `
import json, os, time
def application(environ, start):
    time.sleep(float(environ.get('QUERY_STRING') or 0))
    start('200 OK', [('Content-Type', 'application/json')])
    return [json.dumps({'release': os.getcwd().split('/')[-2], 'master': os.getppid(), 'env': dict(os.environ)}).encode()]
`;

/** What the test's application answers. */
export interface Answer {
  readonly release: string;
  readonly master: number;
  readonly env: Readonly<Record<string, string>>;
}

/** A backend in a temporary folder, with a real Gunicorn on a port of 127.0.0.1. */
export class Slot {
  readonly folder = mkdtempSync(join(tmpdir(), 'slot-'));
  readonly root = join(this.folder, 'root');
  readonly run = join(this.folder, 'run');
  readonly pidFile: string;
  readonly slotFile: string;
  readonly port: number;
  command = 'gunicorn app --workers 2 --graceful-timeout 3 --bind 127.0.0.1:$PORT --pid "$PID_FILE"';
  log = '';
  /** Of the lease under which scripts are run. */
  token = 1;
  #sequence = 0;
  readonly #children: ChildProcess[] = [];

  private constructor(port: number) {
    this.port = port;
    this.pidFile = join(this.run, `${port}.pid`);
    this.slotFile = join(this.run, `${port}.slot`);
    for (const name of ['run', 'root/shared', 'root/slots', `root/virtualenvs/${KEY}/bin`])
      mkdirSync(join(this.folder, name), { recursive: true });
    symlinkSync('/usr/bin/gunicorn', join(this.root, 'virtualenvs', KEY, 'bin/gunicorn'));
    writeFileSync(join(this.root, 'virtualenvs', KEY, 'complete'), '1\n');
  }

  /** Two complete releases; `current` names the first. */
  static async make(): Promise<Slot> {
    const slot = new Slot(await freePort());
    slot.release(V1);
    slot.release(V2);
    symlinkSync(V1, join(slot.root, 'current'));
    symlinkSync('../current', join(slot.root, 'slots', String(slot.port)));
    return slot;
  }

  release(name: string, code = APPLICATION): void {
    mkdirSync(join(this.root, name, 'repository'), { recursive: true });
    writeFileSync(join(this.root, name, 'repository/app.py'), code);
    symlinkSync(`../virtualenvs/${KEY}`, join(this.root, name, 'virtualenv'));
    writeFileSync(
      join(this.root, name, 'release.json'),
      formatRelease({
        version: 1,
        release: name,
        commit: name.slice(-7).padEnd(40, '0'),
        ref: 'main',
        subject: 'A subject',
        author: 'Somebody',
        committed: '2026-11-23T01:00:00Z',
        built: '2026-11-23T01:01:00Z',
        virtualenv: KEY,
      }),
    );
  }

  wrapperArgs(): string[] {
    const { root, run: pids, port, command } = this;
    return [root, 'repository', 'virtualenv', join(root, 'shared/env'), pids, String(port), command];
  }

  /** Starts the wrapper as a process manager would. */
  async wrap(): Promise<ChildProcess> {
    const child = this.start(WRAPPER, this.wrapperArgs());
    await until(() => existsSync(this.slotFile) && this.pidIn(this.slotFile) === child.pid, 'the wrapper');
    return child;
  }

  /** A process that ends with the test, in a group of its own. */
  start(file: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): ChildProcess {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, ...options });
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.log += text));
    this.#children.push(child);
    return child;
  }

  /** One request; undefined when nobody answers. */
  async ask(query = ''): Promise<Answer | undefined> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.port}/?${query}`, { headers: { connection: 'close' } });
      return JSON.parse(await answer.text());
    } catch {
      return undefined;
    }
  }

  /** Waits until the release answers. */
  async serves(release: string): Promise<Answer> {
    let answer: Answer | undefined;
    await until(
      async () => (answer = await this.ask())?.release === release,
      `${release} to answer`,
      () => this.log,
    );
    assert.ok(answer);
    // A worker that is just being born misses a TERM, and Gunicorn then waits 30 s for it: that is Gunicorn's own affair.
    await new Promise((resolve) => setTimeout(resolve, 300));
    return answer;
  }

  pidIn(file = this.pidFile): number {
    return Number(readFileSync(file, 'utf8').trim());
  }

  /** Workers of the master. */
  workers(): number[] {
    const master = this.pidIn();
    return readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim().split(' ').map(Number);
  }

  link(name: string): string {
    return readlinkSync(join(this.root, name));
  }

  /** Runs a changing script on this backend. */
  change(name: string, args: readonly string[]): Promise<Ended> {
    this.#sequence += 1;
    return run(name, [join(this.root, '.orchestrate'), String(this.token), String(this.#sequence), 'tester', ...args]);
  }

  switch(
    release: string,
    { force = 'keep', restart = '-', own = false, deadline = 25_000, of = 'host', log = [] as string[] } = {},
  ): Promise<Ended> {
    const slotFile = own ? '-' : this.slotFile;
    return this.change('switch', [
      this.root,
      release,
      String(this.port),
      this.pidFile,
      slotFile,
      restart,
      String(deadline),
      force,
      of,
      ...log,
    ]);
  }

  /** The end of a change: the slot is the one that does not serve. */
  linger(release: string, seconds: string): Promise<Ended> {
    return this.change('linger', [this.root, release, String(this.port), this.pidFile, seconds, '10000']);
  }

  observe(own = false): Promise<Ended> {
    return run('observe-backend', [
      this.root,
      this.run,
      own ? this.pidFile : '-',
      '/usr/bin/python3',
      String(this.port),
    ]);
  }

  async end(): Promise<void> {
    for (const child of this.#children) {
      if (child.pid === undefined) continue;
      const gone = child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : once(child, 'exit');
      signal(-child.pid, 'SIGKILL');
      await gone;
    }
    // What a process manager started is in groups of its own.
    for (const file of [this.slotFile, this.pidFile]) {
      const pid = existsSync(file) ? this.pidIn(file) : 0;
      if (pid > 1 && commandOf(pid).includes(this.folder)) for (const id of [-pid, pid]) signal(id, 'SIGKILL');
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Makes a backend, and takes it down whatever happens. */
export async function withSlot(use: (slot: Slot) => Promise<void>): Promise<void> {
  const slot = await Slot.make();
  try {
    await use(slot);
  } finally {
    await slot.end();
  }
}

export function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** Whether a process runs: an ended one that nobody has asked after yet does not. */
export function alive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Waits until something is so, at most 30 s: many tests share the machine. */
export async function until(so: () => boolean | Promise<boolean>, what: string, more = () => ''): Promise<void> {
  for (const begun = Date.now(); Date.now() - begun < 30_000; await sleep(10)) if (await so()) return;
  assert.fail(`waited 30 s for ${what}\n${more()}`);
}
