import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as rest } from 'node:timers/promises';
import { Refusal } from '../../src/core/failure.ts';
import { Daemon, type DaemonOptions } from '../../src/serve/daemon.ts';
import { openFolder } from '../../src/serve/database.ts';
import type { Service } from '../../src/serve/service.ts';
import { lockFolder } from '../../src/serve/folder-lock.ts';
import { livelyFleet, silent } from './lively.ts';
import { hasPostgres, Postgres } from '../remote/postgres.ts';
import { written } from '../core/inventory/world.ts';

let folder: string;
let inventory: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'orchestrate-daemon-'));
  inventory = join(folder, 'inventory.yaml');
  await writeFile(inventory, written({}));
});
after(() => rm(folder, { recursive: true, force: true }));

const said: string[] = [];
const begin = (of: DaemonOptions): Promise<Service & { close: () => Promise<void> }> => Daemon.open(of);

const options = (data: string, open: DaemonOptions['openFleet'], more: Partial<DaemonOptions> = {}): DaemonOptions => ({
  inventory,
  data: join(folder, data),
  version: '1',
  say: (text) => said.push(text),
  ...(open === undefined ? {} : { openFleet: open }),
  openBeside: () => silent,
  ...more,
});

async function until(so: () => Promise<boolean>, within = 60_000): Promise<void> {
  const end = Date.now() + within;
  // oxlint-disable-next-line no-await-in-loop
  while (!(await so())) {
    assert.ok(Date.now() < end, `it did not come\n${said.join('\n')}`);
    // oxlint-disable-next-line no-await-in-loop
    await rest(100);
  }
}

describe('a service in a folder', () => {
  test(
    'does an order, tells it to those who follow, and knows it when it is started again',
    { timeout: 90_000 },
    async () => {
      const { fleet, open, end } = livelyFleet();
      let daemon = await begin(options('one', open));
      const { id } = await daemon.start({ verb: 'roll', ref: '2' }, 'ada');
      const told: string[] = [];
      for await (const { event } of daemon.events(0, id, new AbortController().signal)) told.push(event.type);
      assert.deepEqual([told[0], told.at(-1)], ['began', 'ended']);
      assert.ok(told.includes('phase') && told.includes('finished'));
      const job = await daemon.job(id);
      assert.deepEqual([job.state, job.exit, job.by], ['done', 0, 'ada'], job.words ?? '');
      assert.equal((await daemon.figures()).rolls.done, 1);
      assert.deepEqual(
        await daemon.figures().then(({ inRotation, outOfRotation }) => [inRotation, outOfRotation]),
        [2, 0],
      );
      await daemon.close();
      daemon = await begin(options('one', open));
      assert.equal((await daemon.job(id)).state, 'done');
      assert.equal((await daemon.schedules({ limit: 9, all: true })).length, 0);
      await daemon.close();
      end();
      assert.deepEqual(fleet.violations, []);
    },
  );

  test('a schedule waits, is paused, approved by somebody else, run, and cancelled', { timeout: 90_000 }, async () => {
    const { open, end } = livelyFleet();
    const daemon = await begin(options('two', open));
    try {
      const wish = {
        order: { verb: 'roll', ref: '2' },
        when: { cron: '0 2 * * tue' },
        timeZone: 'Europe/Berlin',
        needsApproval: true,
      };
      const made = await daemon.make(wish, 'ada');
      assert.deepEqual([made.number, made.state, made.when], [1, 'live', '0 2 * * tue (Europe/Berlin)']);
      assert.match(made.waits ?? '', /somebody else than ada/);
      await assert.rejects(daemon.approve(1, 'ada'), /somebody else is to approve/);
      assert.equal((await daemon.approve(1, 'bob')).approvedBy, 'bob');
      assert.equal((await daemon.pause(1, true, 'ada')).state, 'paused');
      assert.equal((await daemon.pause(1, false, 'ada')).state, 'live');
      await daemon.runNow(1, 'ada');
      await until(
        async () => (await daemon.schedule(1)).last?.state === 'done' && (await daemon.schedule(1)).next !== null,
      );
      const { jobs, next } = await daemon.schedule(1);
      assert.equal(jobs.length, 2, 'and the one after it is there');
      assert.ok(next !== null && Date.parse(next) > Date.now());
      assert.equal((await daemon.cancel(1, 'ada')).state, 'cancelled');
      assert.deepEqual((await daemon.schedule(1)).jobs.map(({ state }) => state).toSorted(), ['cancelled', 'done']);
      await assert.rejects(daemon.runNow(1, 'ada'), /nothing to do any more/);
      await assert.rejects(daemon.schedule(7), (error: Refusal) => /no schedule 7/.test(error.message));
    } finally {
      await daemon.close();
      end();
    }
  });

  test('refuses what can not come true, with the way out', { timeout: 60_000 }, async () => {
    const { open, end } = livelyFleet();
    const daemon = await begin(options('three', open));
    const wrong = async (more: object): Promise<string> => {
      try {
        await daemon.make({ order: { verb: 'roll', ref: '2' }, when: { at: 'now' }, ...more }, 'ada');
      } catch (error) {
        assert.ok(error instanceof Refusal && error.exit === 2 && error.next !== '', String(error));
        return error.message;
      }
      return 'none';
    };
    try {
      assert.match(await wrong({ when: { cron: '99 * * * *' } }), /no cron expression/);
      assert.match(await wrong({ when: { cron: '0 2 * * *' }, timeZone: 'Mars/Olympus' }), /no time zone/);
      assert.match(await wrong({ when: { at: '2020-01-01T02:00' } }), /has passed/);
      assert.match(await wrong({ when: { at: 'tonight' } }), /has none/);
      assert.match(await wrong({ order: { verb: 'drain', names: ['web1'] } }), /only a roll or a canary/);
      assert.match(
        await wrong({ order: { verb: 'roll', ref: '2', now: true, reason: 'x' } }),
        /waits for its window by itself/,
      );
      assert.match(await wrong({ notAfter: 'soon' }), /notAfter/);
      assert.equal((await daemon.schedules({ limit: 9, all: true })).length, 0);
    } finally {
      await daemon.close();
      end();
    }
  });

  test('is the only one there, also after one that died', { timeout: 60_000 }, async () => {
    const data = join(folder, 'lock');
    const unlock = await lockFolder(data);
    await assert.rejects(
      lockFolder(data),
      (error: Refusal) => error.exit === 2 && error.message.includes(`process ${process.pid}`),
    );
    await unlock();
    // A process that is no more, and one of the same number that began at another time.
    for (const dead of ['{"pid":4194303,"began":"1"}\n', `{"pid":${process.pid},"began":"1"}\n`, 'nonsense']) {
      // oxlint-disable no-await-in-loop
      await writeFile(join(data, 'lock'), dead);
      const again = await lockFolder(data);
      assert.match(await readFile(join(data, 'lock'), 'utf8'), new RegExp(`"pid":${process.pid},`));
      await again();
      // oxlint-enable no-await-in-loop
    }
    const many = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(data)));
    assert.equal(many.filter(({ status }) => status === 'fulfilled').length, 1);
  });

  test(
    'what the database has lost, or all of it, is put back from the file beside it',
    { timeout: 90_000 },
    async () => {
      const { open, end } = livelyFleet();
      const data = join(folder, 'lost');
      let daemon = await begin(options('lost', open));
      await daemon.make({ order: { verb: 'roll', ref: '2' }, when: { cron: '0 2 1 1 *' } }, 'ada');
      await daemon.tokens.put({
        id: 'aaaaaaaaaaaa',
        name: 'bob',
        scope: 'read',
        hash: 'b'.repeat(64),
        made: '2026-11-27T00:00:00Z',
        expires: '2099-01-01T00:00:00Z',
      });
      await daemon.close();
      const kept = await readFile(join(data, 'kept.json'), 'utf8');
      assert.match(kept, /"bob"/);
      await rm(join(data, 'store', 'global'), { recursive: true });
      daemon = await begin(options('lost', open));
      const found = await daemon.schedule(1);
      assert.deepEqual(
        [found.state, found.jobs.length, (await daemon.tokens.list()).map(({ name, expires }) => [name, expires])],
        ['live', 1, [['bob', '2099-01-01T00:00:00Z']]],
      );
      assert.match(said.join('\n'), /it is moved to store\.broken-\d+/);
      assert.equal(
        (await daemon.make({ order: { verb: 'roll', ref: '2' }, when: { cron: '0 3 1 1 *' } }, 'ada')).number,
        2,
      );
      await daemon.close();
      end();
    },
  );

  test('that a newer orchestrate has written is left as it is', { timeout: 60_000 }, async () => {
    const { open, end } = livelyFleet();
    await (await begin(options('newer', open))).close();
    const database = await openFolder(join(folder, 'newer'));
    await database.script('update orchestrate_shop.meta set version = 99');
    await database.close();
    await assert.rejects(
      begin(options('newer', open)),
      (error: Refusal) => error.exit === 2 && /newer orchestrate/.test(error.message),
    );
    await writeFile(join(folder, 'newer', 'kept.json'), '{"version":99}');
    end();
  });
});

describe('two services that share a database', { skip: !hasPostgres }, () => {
  let postgres: Postgres;
  before(async () => (postgres = await Postgres.open()));
  after(() => postgres.close());

  test('200 jobs that are due: each is done once, by one of them', { timeout: 110_000 }, async () => {
    const { fleet, open, end } = livelyFleet();
    const database = `postgres://shop@127.0.0.1:${postgres.port}/postgres`;
    const begun: string[] = [];
    const counted: NonNullable<DaemonOptions['openFleet']> = async (file, tell) => {
      begun.push('x');
      return open(file, tell);
    };
    const two = await Promise.all(['a', 'b'].map((name) => begin(options(name, counted, { database }))));
    try {
      const jobs = await Promise.all(
        Array.from({ length: 200 }, (_, at) => two[at % 2]!.start({ verb: 'linger stop' }, 'ada')),
      );
      await until(
        async () =>
          (await two[0]!.figures()).queued === 0 &&
          (await Promise.all(jobs.slice(-20).map(({ id }) => two[1]!.job(id)))).every(({ state }) => state === 'done'),
        100_000,
      );
      const ends = await Promise.all(jobs.map(({ id }) => two[1]!.job(id)));
      assert.deepEqual(
        ends.filter(({ state }) => state !== 'done').map(({ state, words }) => `${state} ${words}`),
        [],
      );
      // Each service has looked once whether a canary lives.
      assert.ok(begun.length <= 202, `each was begun once: ${begun.length}`);
      assert.deepEqual(fleet.violations, []);
    } finally {
      await Promise.all(two.map((daemon) => daemon.close()));
      end();
    }
  });

  test(
    'a job is stopped through the one that does not perform it, comes to rest, and is not taken up again by either',
    { timeout: 90_000 },
    async () => {
      const { fleet, open, pace, end } = livelyFleet();
      const database = `postgres://shop@127.0.0.1:${postgres.port}/postgres`;
      let performer: string | undefined;
      const two = await Promise.all(
        ['c', 'd'].map((name) =>
          begin(
            options(
              name,
              (file, tell) =>
                open(file, (event) => {
                  if (event.type === 'phase' && event.name === 'batch' && performer === undefined) {
                    performer = name;
                    pace(5);
                  }
                  tell(event);
                }),
              { database },
            ),
          ),
        ),
      );
      try {
        const { id } = await two[0]!.start({ verb: 'roll', ref: '2', batch: [1] }, 'ada');
        await until(() => Promise.resolve(performer !== undefined));
        const other = two[performer === 'c' ? 1 : 0]!;
        assert.equal((await other.stop(id, 'bob')).state, 'running');
        const asked = Date.now();
        await until(async () => (await other.job(id)).state === 'failed');
        const job = await other.job(id);
        assert.deepEqual([job.exit, Date.now() - asked < 30_000], [130, true], job.words ?? '');
        const intent = fleet.record?.intent;
        assert.ok(intent != null, 'the second batch was not begun');
        const told: string[] = [];
        for await (const { event } of other.events(0, id, AbortSignal.timeout(20_000)))
          if (event.type === 'note' || event.type === 'ended') told.push(event.type === 'note' ? event.text : 'ended');
        assert.ok(told.includes('bob asks it to stop'), String(told));
        assert.equal(told.at(-1), 'ended');
        pace(200);
        await rest(3000);
        assert.deepEqual([(await other.job(id)).state, fleet.record?.intent], ['failed', intent]);
        const { id: resumed } = await other.start({ verb: 'resume' }, 'bob');
        await until(async () => (await other.job(resumed)).state === 'done');
        assert.deepEqual(fleet.violations, []);
      } finally {
        await Promise.all(two.map((daemon) => daemon.close()));
        end();
      }
    },
  );

  test(
    'a database that is away in the middle of a roll stops nothing, and catches up',
    { timeout: 90_000 },
    async () => {
      const { fleet, open, end } = livelyFleet();
      const way = await openWay(postgres.port);
      const database = `postgres://shop@127.0.0.1:${way.port}/postgres`;
      let gone = false;
      const daemon = await begin(
        options(
          'away',
          (file, tell) =>
            open(file, (event) => {
              if (event.type === 'phase' && !gone) {
                gone = true;
                way.close();
              }
              if (event.type === 'finished') setTimeout(() => way.open(), 4000);
              tell(event);
            }),
          { database },
        ),
      );
      try {
        const { id } = await daemon.start({ verb: 'roll', ref: '2' }, 'ada');
        await until(async () => (await daemon.job(id).catch(() => undefined))?.state === 'done', 80_000);
        assert.ok(gone);
        way.close();
        const health = await daemon.health();
        assert.deepEqual([health.ok, health.words], [false, 'the database does not answer']);
        assert.ok(said.includes(`it is not well: the database: ${health.details}`), said.join('\n'));
        way.open();
        await until(async () => (await daemon.health()).ok);
        const told: string[] = [];
        for await (const { event } of daemon.events(0, id, AbortSignal.timeout(20_000))) told.push(event.type);
        assert.deepEqual(
          [told[0], told.at(-2), told.at(-1)],
          ['began', 'finished', 'ended'],
          'nothing that was told is lost',
        );
        assert.deepEqual(fleet.record?.jobs, [id]);
        assert.deepEqual(fleet.violations, []);
      } finally {
        await daemon.close();
        way.close();
        end();
      }
    },
  );
});

/** A way to a port of this machine that may be closed and opened again. */
async function openWay(
  to: number,
): Promise<{ readonly port: number; readonly open: () => void; readonly close: () => void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const other = connect(to, '127.0.0.1');
    for (const each of [socket, other]) {
      sockets.add(each);
      each
        .on('error', () => {})
        .on('close', () => {
          sockets.delete(each);
          socket.destroy();
          other.destroy();
        });
    }
    socket.pipe(other).pipe(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    port,
    open: () => void server.listen(port, '127.0.0.1'),
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
