import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as rest } from 'node:timers/promises';
import type { Database } from '../../src/serve/database.ts';
import { EventLog } from '../../src/serve/event-log.ts';
import type { StoredEvent } from '../../src/core/api/told.ts';
import { Store } from '../../src/serve/store.ts';
import { makeTables } from '../../src/serve/tables.ts';
import { JOB, newJob, openTestStore } from './bench.ts';

const OTHER = '9b241101-e2bb-4255-8caf-4136c566a962';
let database: Database;
let close: () => Promise<void>;
before(async () => {
  ({ database, close } = await openTestStore());
  await makeTables(database, 'shop');
});
after(() => close());

const note = (text: string) => ({ at: new Date(0).toISOString(), type: 'note', text }) as const;
const ended = { at: new Date(0).toISOString(), type: 'ended', exit: 0 } as const;

const gather = async (events: AsyncIterable<StoredEvent>): Promise<string[]> => {
  const found: string[] = [];
  for await (const { event } of events) found.push(event.type === 'note' ? event.text : event.type);
  return found;
};

test(
  'whoever follows hears all in order, once: what was, what comes, of one job until its end',
  { timeout: 60_000 },
  async () => {
    const log = new EventLog(database, 'shop');
    const stop = new AbortController();
    const early = gather(log.follow(0, JOB, stop.signal));
    const all = gather(log.follow(0, undefined, stop.signal));
    const told: string[] = [];
    const late: Promise<string[]>[] = [];
    for (let n = 0; n < 60; n += 1) {
      log.tell(JOB, note(`${n}`));
      log.tell(OTHER, note(`other ${n}`));
      told.push(`${n}`);
      // oxlint-disable-next-line no-await-in-loop
      if (n % 6 === 0) await rest(40);
      if (n % 20 === 0) late.push(gather(log.follow(0, JOB, stop.signal)));
    }
    log.tell(JOB, ended);
    for (const heard of [early, ...late])
      // oxlint-disable-next-line no-await-in-loop
      assert.deepEqual(await heard, [...told, 'ended']);
    assert.deepEqual(await gather(log.follow(0, JOB, stop.signal)), [...told, 'ended'], 'also when it is over');
    await rest(200);
    stop.abort();
    assert.equal((await all).length, 121);
    log.close();
  },
);

test(
  'from now on is from now on, and who goes on after an id misses nothing and hears nothing twice',
  { timeout: 60_000 },
  async () => {
    const log = new EventLog(database, 'shop');
    const stop = new AbortController();
    const fresh = log.follow(undefined, undefined, stop.signal)[Symbol.asyncIterator]();
    const first = fresh.next();
    await rest(300);
    for (let n = 0; n < 10; n += 1) log.tell(JOB, note(`again ${n}`));
    log.tell(JOB, ended);
    const { value } = (await first) as { value: StoredEvent };
    assert.deepEqual(value.event, note('again 0'));
    const rests = await gather(log.follow(value.id + 3, JOB, stop.signal));
    assert.deepEqual(rests, ['again 4', 'again 5', 'again 6', 'again 7', 'again 8', 'again 9', 'ended']);
    stop.abort();
    log.close();
  },
);

test('a job whose end was not written any more has one, after all that it told', { timeout: 60_000 }, async () => {
  const id = 'aa241101-e2bb-4255-8caf-4136c566a962';
  const store = new Store(database, 'shop');
  await store.addJob(newJob({ id }));
  const log = new EventLog(database, 'shop', 300);
  for (const text of ['one', 'two']) log.tell(id, note(text));
  const under = new AbortController();
  const early = gather(log.follow(0, id, under.signal));
  await rest(1500);
  await store.setJob(id, { state: 'failed', exit: 1, ended: Date.now() });
  assert.deepEqual(await early, ['one', 'two', 'ended'], 'who heard it all');
  assert.deepEqual(await gather(log.follow(undefined, id, under.signal)), ['ended'], 'who comes when it is over');
  log.close();
});
