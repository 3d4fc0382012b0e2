import type { Database } from './database.ts';
import { schemaOf } from './tables.ts';

/**
 * The queue (pg-boss). It only wakes: who may do what, and whether it was done, the fleet says. Each job is in it once at the most, with the
 * instant at which it is to be looked at. A service that dies loses its claim by its heartbeat, and another is woken.
 */
export interface Queue {
  /** Lets a job be looked at, at an instant (milliseconds since the epoch), wherever a service runs. */
  wake(job: string, at: number): Promise<void>;
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
/** The longest that a claim may last; one that is lost stops no roll. */
const DAY = 86_399;
const YEARS = 5 * 365 * 86_400;
const JOBS = 'jobs';
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
  for (const name of [JOBS, WATCH])
    // oxlint-disable-next-line no-await-in-loop -- two
    await boss.createQueue(name, how);
  const polls = { pollingIntervalSeconds: POLL, notifyPollingIntervalSeconds: POLL };
  return {
    async wake(job, at) {
      await boss.upsert(JOBS, { job }, { singletonKey: job, startAfter: new Date(at) });
    },
    async watch() {
      await boss.upsert(WATCH, {}, { singletonKey: WATCH, startAfter: new Date(0) });
    },
    async work(perform, watch) {
      // One at a time: all roll the same fleet.
      await boss.work<{ job: string }>(JOBS, polls, async ([job]) => {
        if (job !== undefined) await perform(job.data.job);
      });
      await boss.work(WATCH, polls, watch);
    },
    close: () => boss.stop({ graceful: true, timeout: 120_000 }),
  };
}
