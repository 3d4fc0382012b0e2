import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { tokenOf } from '../../src/core/api/token.ts';
import { openServer } from '../../src/serve/database.ts';
import { firstToken } from '../../src/serve/http/tokens.ts';
import { Store } from '../../src/serve/store.ts';
import { makeTables, schemaOf } from '../../src/serve/tables.ts';
import { written } from '../core/inventory/world.ts';
import { freePort } from '../fleet/sshd.ts';
import { hasPostgres, Postgres } from '../remote/postgres.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src/main.ts');

describe('the first token of services that share a database', { skip: !hasPostgres }, () => {
  let postgres: Postgres;
  let folder: string;
  before(async () => {
    postgres = await Postgres.open();
    folder = await mkdtemp(join(tmpdir(), 'orchestrate-first-'));
  });
  after(async () => {
    await postgres.close();
    await rm(folder, { recursive: true, force: true });
  });
  const url = (): string => `postgres://shop@127.0.0.1:${postgres.port}/postgres`;

  test(
    'is made by exactly one, however often they all begin at once, also in one folder',
    { timeout: 60_000 },
    async () => {
      const database = await openServer(url());
      try {
        for (let round = 0; round < 10; round += 1) {
          await database.script(`drop schema if exists ${schemaOf('races')} cascade`);
          await makeTables(database, 'races');
          const store = new Store(database, 'races');
          const tokens = {
            list: () => store.tokens(),
            first: (token: Parameters<Store['firstToken']>[0]) => store.firstToken(token),
            put: (token: Parameters<Store['putToken']>[0]) => store.putToken(token),
            remove: (name: string) => store.removeToken(name),
          };
          const files = [0, 1, 2, 3].map((at) =>
            join(folder, String(round), round % 2 === 0 ? 'one' : String(at), 'admin.token'),
          );
          const ends = await Promise.all(files.map((file) => firstToken(tokens, file)));
          assert.equal(ends.filter((end) => end === 'made').length, 1, String(ends));
          const winner = files[ends.indexOf('made')] ?? '';
          const kept = await store.tokens();
          assert.equal(kept.length, 1);
          assert.equal(tokenOf((await readFile(winner, 'utf8')).trim(), kept), kept[0]);
          for (const file of files)
            assert.deepEqual(
              await readdir(join(file, '..')).catch(() => []),
              file === winner ? ['admin.token'] : [],
              'nobody has one that is good for nothing',
            );
        }
      } finally {
        await database.close();
      }
    },
  );

  test('is one, and good for both, when two are started at the same time', { timeout: 90_000 }, async () => {
    const inventory = join(folder, 'inventory.yaml');
    await writeFile(inventory, written({}));
    const services = await Promise.all(
      ['a', 'b'].map(async (name) => {
        const data = join(folder, name);
        const port = await freePort();
        const args = ['-i', inventory, 'serve', '--data', data, '--database', url(), '--listen', `127.0.0.1:${port}`];
        const child = spawn(process.execPath, [MAIN, ...args], {
          stdio: ['ignore', 'pipe', 'pipe'],
          env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'orchestrate-compiled'), SSH_AUTH_SOCK: '' },
        });
        let said = '';
        const serves = new Promise<void>((resolve, reject) => {
          const hear = (text: string): void => {
            said += text;
            if (said.includes(' serves ')) resolve();
          };
          child.stdout.setEncoding('utf8').on('data', hear);
          child.stderr.setEncoding('utf8').on('data', hear);
          child.once('exit', (code) => reject(new Error(`it ended with ${code}\n${said}`)));
        });
        return { child, port, file: join(data, 'admin.token'), serves, said: () => said };
      }),
    );
    try {
      await Promise.all(services.map(({ serves }) => serves));
      const [winner, ...more] = services.filter(({ file }) => existsSync(file));
      assert.ok(winner !== undefined && more.length === 0, services.map(({ said }) => said()).join('\n'));
      const other = services.find((each) => each !== winner);
      assert.match(winner.said(), /The first token, for everything, is in /);
      assert.match(other?.said() ?? '', /another service that shares the database has made the first one/);
      const authorization = `Bearer ${(await readFile(winner.file, 'utf8')).trim()}`;
      for (const { port } of services)
        assert.equal((await fetch(`http://127.0.0.1:${port}/v1/tokens`, { headers: { authorization } })).status, 200);
    } finally {
      await Promise.all(
        services.map(async ({ child }) => {
          if (child.exitCode !== null || child.signalCode !== null) return;
          const gone = once(child, 'exit');
          child.kill('SIGKILL');
          await gone;
        }),
      );
    }
  });
});
