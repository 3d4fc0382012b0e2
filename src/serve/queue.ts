import type { Database } from './database.ts';
import { schemaOf } from './tables.ts';

/**
 * The queue (pg-boss). It only wakes: who may do what, and whether it was done, the fleet says. Each job is in it once at the most, with the
 * instant at which it is to be looked at. A service that dies loses its claim by its heartbeat, and another is woken.
 */
export interface Queue {
  /** Lets a job be looked at, at an instant (milliseconds since the epoch), wherever a service runs. `typed`: somebody waits for it. */
  wake(job: string, at: number, typed: boolean): Promise<void>;
  /** Lets somebody watch the canary that lives, if nobody does. */
  watch(): Promise<void>;
  /** Begins to be woken. A rejection wakes again. */
  work(perform: (job: string) => Promise<void>, watch: () => Promise<void>): Promise<void>;
  /** No more is begun; what is in hand ends. */
  close(): Promise<void>;
}

/** Seconds. */
const HEARTBEAT = 20;
const MONITOR = 10;
const POLL = 2;
/** Where a word comes when there is something to do: for the case that it was missed. */
const SLOW_POLL = 5;
/** The longest that a claim may last; one that is lost stops no roll. */
const DAY = 86_399;
const YEARS = 5 * 365 * 86_400;
const JOBS = 'jobs';
/** What somebody waits for never waits behind a roll: it is refused, as where it is typed. */
const TYPED = 'typed';
const WATCH = 'watch';

export async function openQueue(database: Database, app: string, warn: (text: string) => void): Promise<Queue> {
  const { PgBoss } = await import('pg-boss');
  const boss = new PgBoss({
    ...(await database.queue()),
    schema: `${schemaOf(app)}_queue`,
    schedule: false,
    superviseIntervalSeconds: MONITOR,
    monitorIntervalSeconds: MONITOR,
    useListenNotify: true,
    registerInstance: false,
    reindex: false,
    monitorVacuum: false,
  });
  let last = '';
  boss.on('error', (error) => {
    // While a database is away each query says so.
    if (error.message !== last) warn(`the queue: ${error.message}`);
    last = error.message;
  });
  await boss.start();
  const how = {
    policy: 'stately',
    // It waits as long as it must: what has expired is found when it is looked at.
    retentionSeconds: YEARS,
    deleteAfterSeconds: 3600,
    expireInSeconds: DAY,
    heartbeatSeconds: HEARTBEAT,
    retryLimit: 1_000_000,
    retryDelay: 2,
    notify: true,
  } as const;
  for (const name of [JOBS, TYPED, WATCH])
    // oxlint-disable-next-line no-await-in-loop -- two
    await boss.createQueue(name, how);
  // Nobody else works on a folder: what is in hand there is in the hand of one who died, and is woken anew.
  if (!database.shared)
    await database.script(
      `delete from ${schemaOf(app)}_queue.job where state = 'active' and name in ('${JOBS}', '${TYPED}', '${WATCH}')`,
    );
  return {
    async wake(job, at, typed) {
      await boss.upsert(typed ? TYPED : JOBS, { job }, { singletonKey: job, startAfter: new Date(at) });
    },
    async watch() {
      await boss.upsert(WATCH, {}, { singletonKey: WATCH, startAfter: new Date(0) });
    },
    async work(perform, watch) {
      const each = async (jobs: readonly { readonly data: { readonly job: string } }[]): Promise<void> => {
        const ends: PromiseSettledResult<void>[] = [];
        // oxlint-disable-next-line no-await-in-loop -- one at a time: all roll the same fleet
        for (const { data } of jobs) ends.push(...(await Promise.allSettled([perform(data.job)])));
        for (const end of ends) if (end.status === 'rejected') throw end.reason;
      };
      await boss.work<{ job: string }>(
        JOBS,
        { pollingIntervalSeconds: POLL, notifyPollingIntervalSeconds: POLL },
        each,
      );
      await boss.work<{ job: string }>(
        TYPED,
        {
          pollingIntervalSeconds: SLOW_POLL,
          notifyPollingIntervalSeconds: SLOW_POLL,
          localConcurrency: 3,
          batchSize: 5,
          burstWhenBatchFull: true,
        },
        each,
      );
      await boss.work(WATCH, { pollingIntervalSeconds: SLOW_POLL, notifyPollingIntervalSeconds: SLOW_POLL }, watch);
    },
    close: () => boss.stop({ graceful: true, timeout: 120_000 }),
  };
}
