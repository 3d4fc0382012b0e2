import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { PGlite } from '@electric-sql/pglite';
import type { Pool, PoolClient } from 'pg';
import type { ConstructorOptions } from 'pg-boss';
import { Refusal } from '../core/failure.ts';

/** One statement with its values; its rows. */
export type Query = <Row>(text: string, values?: readonly unknown[]) => Promise<Row[]>;

/** Where the service keeps what it knows: PostgreSQL in a folder and this process (PGlite), or a server of it that several services share. */
export interface Database {
  readonly query: Query;
  /** All or nothing. */
  readonly transaction: <T>(work: (query: Query) => Promise<T>) => Promise<T>;
  /** Statements without values, several in one text. */
  readonly script: (text: string) => Promise<void>;
  /** What the queue is to be opened with. */
  readonly queue: () => Promise<ConstructorOptions>;
  /** Others may work on it too. */
  readonly shared: boolean;
  readonly close: () => Promise<void>;
}

/** Milliseconds until a connection counts as failed. */
const CONNECTING = 10_000;
/** One small service: what PostgreSQL takes by default is more than all the rest of the process. PGlite begins with no less memory than that. */
const SMALL = {
  initialMemory: 128 * 1024 * 1024,
  postgresqlconf: ['shared_buffers = 8MB', 'wal_buffers = 1MB', 'max_wal_size = 64MB', 'min_wal_size = 32MB'],
};

/**
 * PostgreSQL within this process, its files in `folder`. It takes no lock of the folder and does not wait for the disk (folder-lock.ts and
 * kept-file.ts make up for it). Rejects where the files are broken.
 */
export async function openFolder(folder: string): Promise<Database> {
  const files = join(folder, 'store');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (!existsSync(files)) await makeFiles(files);
  const { PGlite } = await import('@electric-sql/pglite');
  const lite: PGlite = await PGlite.create({ dataDir: files, ...SMALL });
  return {
    query: async <Row>(text: string, values: readonly unknown[] = []) =>
      (await lite.query<Row>(text, [...values])).rows,
    transaction: (work) =>
      lite.transaction((inner) =>
        work(
          async <Row>(text: string, values: readonly unknown[] = []) =>
            (await inner.query<Row>(text, [...values])).rows,
        ),
      ),
    script: async (text) => void (await lite.exec(text)),
    queue: async () => ({ db: (await import('pg-boss')).fromPglite(lite), backend: 'pglite' }),
    shared: false,
    close: () => lite.close(),
  };
}

/** In a process of its own: making them takes some 200 MB that this one would never give back. */
async function makeFiles(files: string): Promise<void> {
  const made = `${files}.new`;
  await rm(made, { recursive: true, force: true });
  const code = `const { PGlite } = await import(process.argv[1]); await (await PGlite.create(JSON.parse(process.argv[2]))).close();`;
  const module = import.meta.resolve('@electric-sql/pglite');
  const args = ['--input-type=module', '--eval', code, module, JSON.stringify({ dataDir: made, ...SMALL })];
  await promisify(execFile)(process.execPath, args);
  // Files that are half-made have another name.
  await rename(made, files);
}

/** A PostgreSQL server. Rejects with `Refusal` (exit 2) where it can't be reached. */
export async function openServer(url: string): Promise<Database> {
  const { default: pg } = await import('pg');
  const pool: Pool = new pg.Pool({ connectionString: url, max: 5, connectionTimeoutMillis: CONNECTING });
  // A connection that breaks while it is idle is made again by the next query, which tells what is wrong.
  pool.on('error', () => {});
  // One that breaks in use tells its statement too; without a listener it would end the process.
  pool.on('connect', (client) => void client.on('error', () => {}));
  try {
    await pool.query('select 1');
  } catch (error) {
    await pool.end();
    throw new Refusal(
      2,
      `The database ${withoutSecret(url)} can't be used: ${error instanceof Error ? error.message : String(error)}.`,
      'See that it runs and lets this user in: --database postgres://USER@HOST/NAME, the password in PGPASSWORD or ~/.pgpass.',
    );
  }
  const through =
    (client: Pool | PoolClient): Query =>
    async <Row>(text: string, values: readonly unknown[] = []) =>
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a statement gives is known where it stands
      (await client.query(text, [...values])).rows as Row[];
  return {
    query: through(pool),
    transaction: async (work) => {
      const client = await pool.connect();
      let broken = true;
      try {
        await client.query('begin');
        const made = await work(through(client));
        await client.query('commit');
        broken = false;
        return made;
      } catch (error) {
        await client.query('rollback').then(
          () => (broken = false),
          () => {},
        );
        throw error;
      } finally {
        client.release(broken);
      }
    },
    script: async (text) => void (await pool.query(text)),
    queue: () => Promise.resolve({ connectionString: url, max: 4, connectionTimeoutMillis: CONNECTING }),
    shared: true,
    close: () => pool.end(),
  };
}

/** A database's address as it may be shown. */
function withoutSecret(url: string): string {
  try {
    const read = new URL(url);
    return `${read.protocol}//${read.host}${read.pathname}`;
  } catch {
    return '(not a URL)';
  }
}
