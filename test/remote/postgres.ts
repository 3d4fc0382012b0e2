import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const VERSIONS = '/usr/lib/postgresql';
const version = existsSync(VERSIONS) ? readdirSync(VERSIONS).toSorted().at(-1) : undefined;
const PROGRAMS = `${VERSIONS}/${version}/bin`;
/** PostgreSQL does not run as root. */
const AS_OTHER = process.getuid?.() === 0 ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'] : [];

export const hasPostgres = version !== undefined;

/** A PostgreSQL of the test's own on a free port of 127.0.0.1; nothing of it survives `close`. */
export class Postgres {
  readonly port: number;
  readonly #folder: string;
  readonly #server: ChildProcess;
  private constructor(port: number, folder: string, server: ChildProcess) {
    this.port = port;
    this.#folder = folder;
    this.#server = server;
  }

  static async open(): Promise<Postgres> {
    const folder = mkdtempSync(join(tmpdir(), 'postgres-'));
    mkdirSync(join(folder, 'data'));
    if (AS_OTHER.length > 0) execFileSync('chown', ['-R', 'postgres', folder]);
    as(['initdb', '--pgdata', join(folder, 'data'), '--username', 'shop', '--auth', 'trust', '--no-sync']);
    const port = await freePort();
    const [program = '', ...args] = [
      ...AS_OTHER,
      `${PROGRAMS}/postgres`,
      ...[
        '-D',
        join(folder, 'data'),
        '-p',
        String(port),
        '-k',
        folder,
        '-c',
        'listen_addresses=127.0.0.1',
        '-c',
        'fsync=off',
      ],
    ];
    const server = spawn(program, args, { stdio: 'ignore' });
    for (;;) {
      try {
        as(['pg_isready', '--quiet', '--host', '127.0.0.1', '--port', String(port)]);
        return new Postgres(port, folder, server);
      } catch (error) {
        if (server.exitCode !== null) throw error;
      }
    }
  }

  /** Runs SQL in a session of its own; resolves when it has ended, with the rows. */
  async psql(sql: string): Promise<string> {
    const child = spawn(`${PROGRAMS}/psql`, [
      '-qAt',
      '-h',
      '127.0.0.1',
      '-p',
      String(this.port),
      '-U',
      'shop',
      '-d',
      'postgres',
      '-c',
      sql,
    ]);
    let rows = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (rows += text));
    await new Promise((resolve) => child.once('close', resolve));
    return rows;
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#server.once('close', resolve));
    this.#server.kill('SIGINT');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function as([program = '', ...args]: string[]): void {
  const [first = '', ...rest] = [...AS_OTHER, `${PROGRAMS}/${program}`, ...args];
  execFileSync(first, rest, { stdio: 'ignore' });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
