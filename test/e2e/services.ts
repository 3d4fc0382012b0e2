import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JobView } from '../../src/core/api/views.ts';
import { until } from '../fleet/hosts/shell.ts';
import type { Scene } from './scene.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src/main.ts');

/** One process of the service. */
export class RunningService {
  readonly url: string;
  readonly tokenFile: string;
  readonly #child: ChildProcess;
  readonly #said: () => string;

  private constructor(url: string, tokenFile: string, child: ChildProcess, said: () => string) {
    this.url = url;
    this.tokenFile = tokenFile;
    this.#child = child;
    this.#said = said;
  }

  /** Starts one and waits until it serves. `token`: the file of a token that is there already. */
  static async start(
    scene: Scene,
    data: string,
    port: number,
    options: { database?: string; token?: string } = {},
  ): Promise<RunningService> {
    const args = ['-i', scene.inventoryFile, 'serve', '--data', data, '--listen', `127.0.0.1:${port}`];
    if (options.database !== undefined) args.push('--database', options.database);
    const child = spawn(process.execPath, [MAIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        XDG_CACHE_HOME: join(data, 'cache'),
        NODE_COMPILE_CACHE: join(tmpdir(), 'orchestrate-compiled'),
        SSH_AUTH_SOCK: '',
      },
    });
    let said = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
    const service = new RunningService(
      `http://127.0.0.1:${port}`,
      options.token ?? join(data, 'admin.token'),
      child,
      () => said,
    );
    await until('the service serves', 60_000, () => {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}\n${said}`);
      return Promise.resolve(said.includes(' serves '));
    }).catch((error: unknown) => {
      child.kill('SIGKILL');
      throw new Error(`the service does not serve\n${said}`, { cause: error });
    });
    return service;
  }

  /** The same one, spoken to with another token. */
  as(tokenFile: string): RunningService {
    return new RunningService(this.url, tokenFile, this.#child, this.#said);
  }

  get said(): string {
    return this.#said();
  }

  /** Resolves when it is gone. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill(signal);
    await gone;
  }

  /** Bytes that it has in memory, and milliseconds of the processor that it has used. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Types a command where only the service's address is known. */
  async type(...args: string[]): Promise<{ readonly code: number; readonly out: string; readonly said: string }> {
    const child = spawn(process.execPath, [MAIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: tmpdir(),
      env: {
        ...process.env,
        ORCHESTRATE_SERVER: this.url,
        ORCHESTRATE_TOKEN_FILE: this.tokenFile,
        NODE_COMPILE_CACHE: join(tmpdir(), 'orchestrate-compiled'),
      },
    });
    let [out, said] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code: code ?? 255, out, said };
  }

  async jobs(): Promise<JobView[]> {
    const { code, out, said } = await this.type('jobs', '--json');
    if (code !== 0) throw new Error(said);
    return JSON.parse(out) as JobView[];
  }
}

/** A folder for a service's data, away when `work` has ended. */
export async function withData<T>(work: (data: string) => Promise<T>): Promise<T> {
  const data = await mkdtemp(join(tmpdir(), 'orchestrate-data-'));
  try {
    return await work(data);
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}
