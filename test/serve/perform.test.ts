import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as rest } from 'node:timers/promises';
import { Refusal } from '../../src/core/failure.ts';
import { DAYS } from '../../src/core/window.ts';
import type { Database } from '../../src/serve/database.ts';
import { HandedOver, perform } from '../../src/serve/perform.ts';
import { makeTables, schemaOf } from '../../src/serve/tables.ts';
import { names, V1 } from '../core/planning/world.ts';
import { EPOCH, SimFleet } from '../sim/fleet.ts';
import { JOB, newJob, openTestStore, Services } from './bench.ts';

let database: Database;
let close: () => Promise<void>;
before(async () => ({ database, close } = await openTestStore()));
after(() => close());

const services = (
  wish: ConstructorParameters<typeof SimFleet>[0] = { backends: 3, balancers: 2 },
  seed = 1,
): Promise<Services> => new Services(database, wish, seed).begin();

/** What each backend serves. */
const serving = ({ fleet }: Services): (string | null)[] =>
  fleet.inventory.backends.map(({ name }) => fleet.serving(name).process?.release ?? null);

/** A schedule's job: one that waits, where one that somebody has typed is refused. */
async function scheduled(all: Services, more: Parameters<typeof newJob>[0] = {}): Promise<void> {
  const { schedule: _, ...first } = newJob(more);
  const wish = { order: { verb: 'roll', ref: '2' }, when: { at: 'now' } } as const;
  await all.store.add({ id: JOB, wish, zone: 'UTC', by: 'ada', made: 0, state: 'live' }, first);
}

/** A service that performs the job, as soon as the record tells that its roll was begun. */
async function begun(all: Services) {
  const service = all.service('first');
  const work = perform(JOB, service.bench);
  await all.drive(work, 1e6, () => all.fleet.record?.intent != null);
  return { service, work };
}

describe('a job', () => {
  test('that is due is done, and the fleet knows it', async () => {
    const all = await services();
    await scheduled(all);
    const { bench } = all.service('svc');
    assert.ok(await all.drive(perform(JOB, bench)));
    const job = await all.store.job(JOB);
    assert.deepEqual([job?.state, job?.exit], ['done', 0], job?.words ?? '');
    assert.match(job?.words ?? '', /^Done: /);
    assert.deepEqual(all.fleet.record?.jobs, [JOB]);
    assert.equal(new Set(serving(all)).size, 1);
    assert.notEqual(serving(all)[0], V1);
    assert.deepEqual(all.fleet.violations, []);
    assert.equal(all.ended.length, 1);
  });

  test('that has ended is not done again, even where what is kept has forgotten it', async () => {
    const all = await services();
    await scheduled(all);
    const { bench } = all.service('svc');
    assert.ok(await all.drive(perform(JOB, bench)));
    const { generation } = all.fleet.record!;
    await database.script(
      `update orchestrate_${all.fleet.inventory.app}.jobs set state = 'waiting', ended = null, exit = null`,
    );
    assert.ok(await all.drive(perform(JOB, bench)));
    assert.equal(all.fleet.record?.generation, generation);
    assert.equal((await all.store.job(JOB))?.state, 'done');
  });

  test('that is not due yet, not approved, or paused, waits; one that is too late has expired', async () => {
    const all = await services();
    const now = all.fleet.now;
    await scheduled(all, { due: now + 60_000, needsApproval: true, notAfter: now + 120_000 });
    const { bench } = all.service('svc');
    const next = async (): Promise<string> => {
      assert.ok(await all.drive(perform(JOB, bench), 1e6));
      const job = await all.store.job(JOB);
      return `${job?.state}: ${job?.words}`;
    };
    assert.match(await next(), /^waiting: it is due Mon 2026-11-23 /);
    assert.deepEqual(all.woken, [{ job: JOB, at: now + 60_000 }]);
    await all.fleet.time.pass(() => false, 61_000);
    assert.match(await next(), /^waiting: it waits for a person/);
    await all.store.setJob(JOB, { approvedBy: 'bob', paused: true });
    assert.match(await next(), /^waiting: it waits for a person/);
    await all.fleet.time.pass(() => false, 60_000);
    assert.match(await next(), /^expired: it has expired: it was not to begin later than/);
    assert.deepEqual(
      all.ended.map(({ state }) => state),
      ['expired'],
    );
    assert.equal(all.fleet.record?.jobs, undefined);
  });

  test('waits for its window, and begins when it opens', async () => {
    const windows = [{ days: DAYS, from: 120, to: 300, time_zone: 'UTC' }];
    const all = await services();
    const opensAt = EPOCH + 2 * 3_600_000;
    await scheduled(all);
    const { bench: plain } = all.service('svc');
    const bench = {
      ...plain,
      open: async (tell: Parameters<typeof plain.open>[0]) => {
        const opened = await plain.open(tell);
        return { ...opened, inventory: { ...opened.inventory, windows } };
      },
    };
    assert.ok(await all.drive(perform(JOB, bench)));
    assert.match((await all.store.job(JOB))?.words ?? '', /^it waits for its window: Mon 2026-11-23 02:00/);
    assert.deepEqual(all.woken.at(-1), { job: JOB, at: opensAt });
    await all.fleet.time.pass(() => false, opensAt - all.fleet.now);
    assert.ok(await all.drive(perform(JOB, bench)));
    assert.equal((await all.store.job(JOB))?.state, 'done');
  });

  test('waits while another command is at work, and while one was begun and not finished', async () => {
    const all = await services();
    await scheduled(all);
    const person = all.service('ada');
    const theirs = newJob({ id: '9b241101-e2bb-4255-8caf-4136c566a962' });
    await all.store.addJob(theirs);
    const roll = perform(theirs.id, person.bench);
    await all.drive(roll, 1e6, () => all.fleet.record?.intent != null);
    const { bench } = all.service('svc');
    const rolling = all.fleet.record?.intent;
    assert.ok(rolling, 'it is in the middle of it');
    await all.drive(perform(JOB, bench), 3000);
    assert.match((await all.store.job(JOB))?.words ?? '', /^it waits: another command is at work/);
    person.operator.kill();
    await all.fleet.time.pass(() => false, 60_000);
    await all.drive(perform(JOB, bench), 10_000);
    assert.equal((await all.store.job(JOB))?.state, 'waiting');
    assert.ok(all.fleet.record?.intent, 'and does not finish what is another’s');
    await all.drive(perform(theirs.id, all.service('other').bench));
    assert.equal((await all.store.job(theirs.id))?.state, 'done');
    assert.ok(await all.drive(perform(JOB, bench)));
    assert.equal((await all.store.job(JOB))?.state, 'done');
    assert.deepEqual(all.fleet.record?.jobs, [theirs.id]);
  });

  test('that somebody waits for is refused as where it is typed', async () => {
    const all = await services();
    await all.store.addJob(newJob({ order: { verb: 'drain', names: ['web9'] } }));
    assert.ok(await all.drive(perform(JOB, all.service('svc').bench)));
    const job = await all.store.job(JOB);
    assert.deepEqual([job?.state, job?.exit], ['failed', 2]);
    assert.match(job?.words ?? '', /web9/);
    assert.equal(all.ended.length, 1);
  });

  test('whose inventory can not be read is tried again a few times, where nobody waits for it', async () => {
    const all = await services();
    await scheduled(all);
    await all.store.addJob(newJob({ id: '9b241101-e2bb-4255-8caf-4136c566a962' }));
    const { bench: plain } = all.service('svc');
    const bench = { ...plain, open: () => Promise.reject(new Refusal(3, 'no inventory', 'mend it')) };
    await perform('9b241101-e2bb-4255-8caf-4136c566a962', bench);
    assert.equal((await all.store.job('9b241101-e2bb-4255-8caf-4136c566a962'))?.state, 'failed');
    const states: string[] = [];
    for (let times = 0; times < 3; times += 1) {
      // oxlint-disable no-await-in-loop
      await perform(JOB, bench);
      states.push(`${(await all.store.job(JOB))?.state} ${all.woken.length}`);
      // oxlint-enable no-await-in-loop
    }
    assert.deepEqual(states, ['waiting 1', 'waiting 2', 'failed 2']);
    assert.match((await all.store.job(JOB))?.words ?? '', /^no inventory$/);
  });

  test('is handed over when the service ends, and goes on in another', async () => {
    const all = await services();
    await scheduled(all);
    const { service: first, work } = await begun(all);
    first.stop.abort('SIGTERM');
    await assert.rejects(all.drive(work), HandedOver);
    assert.equal((await all.store.job(JOB))?.state, 'running');
    assert.ok(await all.drive(perform(JOB, all.service('second').bench)));
    const job = await all.store.job(JOB);
    assert.deepEqual([job?.state, job?.exit], ['done', 0], job?.words ?? '');
    assert.equal(new Set(serving(all)).size, 1);
    assert.deepEqual(all.fleet.violations, []);
  });
});

describe('a wish that a job stop', () => {
  const wished = (all: Services) => all.store.setJob(JOB, { stopBy: 'bob' });
  const ended = async (all: Services): Promise<unknown[]> => {
    const { state, exit, words } = (await all.store.job(JOB))!;
    return [state, exit, words];
  };

  test('is heeded by the service that performs it, and the roll comes to rest', async () => {
    const all = await services();
    await scheduled(all, { order: { verb: 'roll', ref: '2', batch: [1] } });
    const { work: roll } = await begun(all);
    await wished(all);
    await rest(1500);
    assert.ok(await all.drive(roll));
    assert.deepEqual((await ended(all)).slice(0, 2), ['failed', 130]);
    assert.ok(all.fleet.record?.intent != null);
    assert.deepEqual(all.fleet.violations, []);
  });

  test('that came before it began begins nothing', async () => {
    const all = await services();
    await scheduled(all);
    await wished(all);
    assert.ok(await all.drive(perform(JOB, all.service('svc').bench)));
    assert.deepEqual(await ended(all), ['cancelled', 130, 'bob has cancelled it']);
    assert.equal(all.fleet.record?.intent ?? null, null);
  });

  test('is kept in tables that an older orchestrate has made, too', async () => {
    const all = await services();
    await scheduled(all);
    const { app } = all.fleet.inventory;
    const schema = schemaOf(app);
    await database.script(`alter table ${schema}.jobs drop column stop_by; update ${schema}.meta set version = 1`);
    await makeTables(database, app);
    assert.deepEqual(await database.query(`select version from ${schema}.meta`), [{ version: 2 }]);
    assert.equal((await wished(all))?.stopBy, 'bob');
  });

  test('of a service that died is heeded by the one that takes over', async () => {
    const all = await services();
    await scheduled(all);
    const { service: first } = await begun(all);
    first.operator.kill();
    await wished(all);
    await all.fleet.time.pass(() => false, 60_000);
    const { generation } = all.fleet.record!;
    assert.ok(await all.drive(perform(JOB, all.service('other').bench)));
    const [state, exit, words] = await ended(all);
    assert.deepEqual([state, exit], ['failed', 130]);
    assert.match(String(words), /^bob has stopped it; `orchestrate resume` or `rollback` ends what it had begun$/);
    assert.equal(all.fleet.record?.generation, generation);
    assert.deepEqual(all.fleet.violations, []);
  });
});

test('a service that dies at any moment: another brings the job to its end, once', { timeout: 120_000 }, async () => {
  let resumed = 0;
  for (let at = 1; at <= 25; at += 1) {
    // oxlint-disable no-await-in-loop -- one world after the other
    const all = await services({ backends: 3, balancers: 2, two: at % 2 === 0 ? names('web', 3) : [] }, at);
    await scheduled(all);
    const first = all.service('first');
    let calls = 0;
    first.operator.onCall = () => {
      calls += 1;
      if (calls === at * 7) first.operator.kill();
      return {};
    };
    await all.drive(perform(JOB, first.bench), 200_000);
    const second = all.service('second');
    for (let tries = 0; tries < 30 && all.ended.length === 0; tries += 1) {
      await all.drive(perform(JOB, second.bench));
      await all.fleet.time.pass(() => false, 5000);
    }
    const job = await all.store.job(JOB);
    // Where the record said so before it died, it has ended, and the history alone tells how.
    const told = job?.words?.startsWith('it has come to its end') === true;
    assert.deepEqual([job?.state, job?.exit], ['done', told ? null : 0], `${at}: ${job?.words}`);
    if (told) assert.deepEqual(all.fleet.record?.jobs, [JOB]);
    assert.deepEqual(all.fleet.violations, []);
    assert.equal(new Set(serving(all)).size, 1);
    assert.notEqual(serving(all)[0], V1);
    assert.equal(all.ended.length, 1);
    if (all.told.some((event) => event.type === 'began' && event.command.startsWith('resume'))) resumed += 1;
    // oxlint-enable no-await-in-loop
  }
  assert.ok(resumed > 5, `${resumed} of 25 were begun by the one and ended by the other`);
});
