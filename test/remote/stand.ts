import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Backend, Inventory } from '../../src/core/inventory.ts';
import type { GenerationRecord } from '../../src/core/record.ts';
import { formatRecord } from '../../src/core/record.ts';
import { renderConfiguration } from '../../src/core/routing/configuration.ts';
import { declaredGroups, type Group } from '../../src/core/routing/groups.ts';
import { renderSite } from '../../src/core/routing/site.ts';
import { script } from '../../src/fleet/scripts.ts';
import { world } from '../core/routing/world.ts';

export const template = (name: string): string =>
  readFileSync(new URL(`../../templates/${name}`, import.meta.url), 'utf8');

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a script of src/remote as it would be run over ssh. */
export async function run(
  name: string,
  args: readonly string[],
  input = '',
  env: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  const child = spawn('sh', ['-c', script(name), name, ...args], { stdio: 'pipe', env: { ...process.env, ...env } });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() };
}

/** A port that nobody listens on, below those that the kernel gives out by itself: it stays free until it is used. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    const server = net.createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

export interface Seen {
  readonly backend: string;
  readonly method: string;
  readonly url: string;
  readonly length: number;
  readonly headers: http.IncomingHttpHeaders;
}

/** A backend that tells what reached it. */
export async function teller(name: string): Promise<{ server: http.Server; port: number; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = http.createServer((request, response) => {
    let length = 0;
    request.on('data', (chunk: Buffer) => (length += chunk.length));
    request.on('end', () => {
      const what = {
        backend: name,
        method: request.method ?? '',
        url: request.url ?? '',
        length,
        headers: request.headers,
      };
      seen.push(what);
      const status = Number(/status=(\d{3})/.exec(what.url)?.[1] ?? 200);
      const wait = Number(/wait=(\d{1,5})/.exec(what.url)?.[1] ?? (what.url.includes('slow') ? 400 : 0));
      setTimeout(() => response.writeHead(status).end(JSON.stringify(what)), wait);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as net.AddressInfo).port, seen };
}

/** A balancer of its own in a temporary folder: the real Nginx, the real scripts, backends that tell what reached them. */
export class Stand {
  readonly folder = mkdtempSync(join(tmpdir(), 'stand-'));
  readonly tellers: Awaited<ReturnType<typeof teller>>[] = [];
  readonly apps: Inventory[] = [];
  readonly pidFile = join(this.folder, 'nginx.pid');
  port = 0;
  /** Of canary.header. */
  secret: string | undefined;
  readonly #sequences = new Map<string, number>();
  #nginx: ChildProcess | undefined;

  /** An app with so many backends of its own. */
  async app(
    name: string,
    count: number,
    nginx: Partial<Inventory['nginx']> = {},
    canary: Partial<Inventory['canary']> = {},
  ): Promise<Inventory> {
    if (this.apps.length === 0) {
      chmodSync(this.folder, 0o711);
      mkdirSync(join(this.folder, 'static'));
      mkdirSync(join(this.folder, 'conf'));
      this.port = await freePort();
    }
    const status = this.apps[0]?.nginx.status ?? `127.0.0.1:${await freePort()}`;
    const inventory = world(
      Array.from({ length: count }, (_, at) => `web${at + 1}`),
      {
        app: name,
        nginx: {
          folder: join(this.folder, name),
          file: join(this.folder, 'conf', `${name}.conf`),
          access_log: join(this.folder, `${name}.json`),
          status,
          test: `nginx -t -q -e stderr -c ${this.#config}`,
          reload: `nginx -s reload -e stderr -c ${this.#config}`,
          ...nginx,
        },
      },
    );
    const backends: Backend[] = [];
    for (const backend of inventory.backends) {
      const one = await teller(`${name}-${backend.name}`);
      this.tellers.push(one);
      backends.push({ ...backend, address: '127.0.0.1', slots: [one.port] });
    }
    const known: Inventory = {
      ...inventory,
      canary: { ...inventory.canary, ...canary },
      backends,
      health: { host: `${name}.example.com` } as Inventory['health'],
      build: {
        static: { command: 'x', output: 'static', publish: { to: 'balancers', path: join(this.folder, 'static') } },
      } as Inventory['build'],
    };
    this.apps.push(known);
    return known;
  }

  get #config(): string {
    return join(this.folder, 'nginx.conf');
  }

  configuration(inventory: Inventory, groups: readonly Group[] = declaredGroups(inventory)): string {
    return renderConfiguration(inventory, groups, template('upstream.conf.hbs'), this.secret).text;
  }

  /** Starts Nginx with the configuration and the example site of each app; `site` may change a site's text. */
  async start(site: (text: string, inventory: Inventory) => string = (text) => text): Promise<void> {
    for (const inventory of this.apps) {
      writeFileSync(inventory.nginx.file, this.configuration(inventory));
      const text = renderSite(inventory, { listen: `127.0.0.1:${this.port}` }, template('site.conf.hbs'));
      writeFileSync(join(this.folder, `${inventory.app}.site`), site(text, inventory));
    }
    writeFileSync(
      this.#config,
      `daemon off; worker_processes 2; pid ${this.pidFile}; error_log ${this.folder}/error.log;
events { worker_connections 512; }
http { ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${this.folder}/temp-${kind};`).join(' ')}
  access_log off; include ${this.folder}/conf/*.conf; include ${this.folder}/*.site; }\n`,
    );
    this.#nginx = spawn('nginx', ['-e', 'stderr', '-c', this.#config], { stdio: 'inherit' });
    await until(async () => (await this.status('/', this.apps[0]!)) !== undefined);
  }

  /** What the status server tells. */
  async status(path: string, inventory: Inventory): Promise<string | undefined> {
    try {
      const port = Number(inventory.nginx.status.split(':')[1]);
      return (await ask(port, { path, headers: { host: `orchestrate-${inventory.app}` } })).body;
    } catch {
      return undefined;
    }
  }

  fence(inventory: Inventory, token = 1, holder = 'tester'): string[] {
    const sequence = (this.#sequences.get(inventory.app) ?? 0) + 1;
    this.#sequences.set(inventory.app, sequence);
    return [inventory.nginx.folder, String(token), String(sequence), holder];
  }

  /** Makes a generation and flips to it. */
  async move(inventory: Inventory, from: string, to: string, ...table: string[]): Promise<Ended> {
    const input = recordOf(inventory, Number(to), table[0]!.split('=')[1]!);
    return await run('move', [...this.fence(inventory), from, to, ...table], input);
  }

  /** A request to the site of an app. */
  async ask(inventory: Inventory, path: string, options: Asked = {}): Promise<Answer> {
    return await ask(this.port, {
      ...options,
      path,
      headers: { host: `${inventory.app}.example.com`, ...options.headers },
    });
  }

  async close(): Promise<void> {
    const nginx = this.#nginx;
    if (nginx !== undefined && nginx.exitCode === null) {
      nginx.kill('SIGTERM');
      await once(nginx, 'exit');
    }
    for (const { server } of this.tellers) {
      server.closeAllConnections();
      server.close();
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function recordOf(inventory: Inventory, generation: number, group: string): string {
  const at = '2026-11-23T02:14:00.000Z';
  const backends: GenerationRecord['backends'] = Object.fromEntries(
    inventory.backends.map(({ name }) => [name, { rotation: 'in' as const, since: at, release: null }]),
  );
  const { app } = inventory;
  const written = { token: 1, holder: 'tester', command: 'test', by: 'test', at };
  return formatRecord({ version: 1, app, generation, table: { stable: group }, backends, intent: null, ...written });
}

export interface Asked {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: http.Agent;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export async function ask(port: number, options: Asked & { path: string }): Promise<Answer> {
  const request = http.request({ host: '127.0.0.1', port, agent: false, ...options });
  request.end(options.body);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() };
}

export const backendOf = (answer: Answer): string => (JSON.parse(answer.body) as Seen).backend;

export async function until(what: () => Promise<boolean> | boolean, ms = 5000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await what())) {
    if (performance.now() > end) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
