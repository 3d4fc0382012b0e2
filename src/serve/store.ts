import type { KeptToken } from '../core/api/token.ts';
import type { Order } from '../core/api/order.ts';
import type { JobState } from '../core/api/views.ts';
import type { ReadWish } from '../core/schedule/wish.ts';
import type { Database, Query } from './database.ts';
import { schemaOf } from './tables.ts';

/** A schedule, as it is kept. Times are milliseconds since the epoch. */
export interface Schedule {
  readonly number: number;
  readonly id: string;
  readonly wish: ReadWish;
  readonly zone: string;
  readonly by: string;
  readonly made: number;
  readonly state: 'live' | 'paused' | 'ended' | 'cancelled';
}

/** One thing to do, as it is kept. */
export interface Job {
  readonly id: string;
  readonly schedule: number | null;
  readonly order: Order;
  readonly command: string;
  readonly by: string;
  readonly made: number;
  /** Of the recurrence: of two jobs of a schedule the later one has the later instant, whenever each was done. */
  readonly instant: number;
  readonly due: number;
  readonly notAfter: number | null;
  readonly needsApproval: boolean;
  readonly approvedBy: string | null;
  readonly paused: boolean;
  readonly state: JobState;
  readonly commit: string | null;
  readonly exit: number | null;
  readonly words: string | null;
  readonly began: number | null;
  readonly ended: number | null;
  readonly number: number | null;
  /** How often it was refused and is tried again. */
  readonly tries: number;
  /** Who wishes that it stop; null: nobody does. */
  readonly stopBy: string | null;
}

export type NewJob = Pick<
  Job,
  'id' | 'schedule' | 'order' | 'command' | 'by' | 'made' | 'instant' | 'due' | 'notAfter' | 'needsApproval' | 'commit'
>;

/** What must not be lost with the files of the database (kept-file.ts). */
export interface Kept {
  readonly revision: number;
  readonly schedules: readonly Schedule[];
  /** Those that have not ended. */
  readonly jobs: readonly Job[];
  readonly tokens: readonly KeptToken[];
}

const LIVE = `('waiting', 'running', 'watching')`;
const JOB = `id, schedule, "order", command, by, made, instant, due, not_after as "notAfter", needs_approval as "needsApproval",
  approved_by as "approvedBy", paused, state, commit, exit, words, began, ended, number, tries, stop_by as "stopBy"`;
const SCHEDULE = 'number, id, wish, zone, by, made, state';

/** The column of each value of a job that may change. */
const COLUMNS = {
  approvedBy: 'approved_by',
  due: 'due',
  paused: 'paused',
  state: 'state',
  commit: 'commit',
  exit: 'exit',
  words: 'words',
  began: 'began',
  ended: 'ended',
  number: 'number',
  tries: 'tries',
  stopBy: 'stop_by',
} as const;

export type JobChange = Partial<Pick<Job, keyof typeof COLUMNS>>;

/** Schedules, jobs and tokens. Each change is one transaction, and raises the revision. */
export class Store {
  readonly #database: Database;
  readonly #schema: string;
  /** Called after each change. */
  onChange: () => void = () => {};

  constructor(database: Database, app: string) {
    this.#database = database;
    this.#schema = schemaOf(app);
  }

  async schedules(limit: number, all: boolean): Promise<Schedule[]> {
    const which = all ? '' : `where state in ('live', 'paused')`;
    return this.#query(`select ${SCHEDULE} from SCHEMA.schedules ${which} order by number desc limit $1`, [limit]);
  }

  async schedule(number: number): Promise<Schedule | undefined> {
    return (await this.#query<Schedule>(`select ${SCHEDULE} from SCHEMA.schedules where number = $1`, [number]))[0];
  }

  /** A schedule with its first job, all or nothing. */
  async add(
    schedule: Omit<Schedule, 'number'>,
    first: Omit<NewJob, 'schedule'>,
  ): Promise<{ schedule: Schedule; job: Job }> {
    return this.#change(async (query) => {
      const { id, wish, zone, by, made, state } = schedule;
      const [kept] = await query<Schedule>(
        `insert into SCHEMA.schedules (id, wish, zone, by, made, state) values ($1, $2::jsonb, $3, $4, $5, $6) returning ${SCHEDULE}`,
        [id, JSON.stringify(wish), zone, by, made, state],
      );
      if (kept === undefined) throw new Error('the schedule was not kept');
      const job = await insertJob(query, { ...first, schedule: kept.number });
      if (job === undefined) throw new Error('the job was not kept');
      return { schedule: kept, job };
    });
  }

  async setSchedule(number: number, state: Schedule['state']): Promise<void> {
    await this.#change((query) => query('update SCHEMA.schedules set state = $2 where number = $1', [number, state]));
  }

  /** Undefined: there is one with this id already. */
  async addJob(job: NewJob): Promise<Job | undefined> {
    return this.#change((query) => insertJob(query, job));
  }

  async job(id: string): Promise<Job | undefined> {
    return (await this.#query<Job>(`select ${JOB} from SCHEMA.jobs where id = $1`, [id]))[0];
  }

  /** Newest first. */
  async jobs(limit: number, schedule?: number): Promise<Job[]> {
    const which = schedule === undefined ? '' : 'where schedule = $2';
    const values = schedule === undefined ? [limit] : [limit, schedule];
    return this.#query(`select ${JOB} from SCHEMA.jobs ${which} order by made desc, due desc limit $1`, values);
  }

  async liveJobs(state?: JobState): Promise<Job[]> {
    const which = state === undefined ? `state in ${LIVE}` : 'state = $1';
    return this.#query(
      `select ${JOB} from SCHEMA.jobs where ${which} order by due`,
      state === undefined ? [] : [state],
    );
  }

  /** Of each of these schedules the job that has not ended, and the newest that has. */
  async jobsOf(schedules: readonly number[]): Promise<Job[]> {
    return this.#query(
      `select distinct on (schedule, state in ${LIVE}) ${JOB} from SCHEMA.jobs where schedule = any($1::int[])
       order by schedule, state in ${LIVE}, instant desc`,
      [schedules],
    );
  }

  /** `only`: the states that it must be in. Undefined: it is in another, or not there. */
  async setJob(id: string, change: JobChange, only?: readonly JobState[]): Promise<Job | undefined> {
    const values: unknown[] = [id];
    const sets = Object.entries(COLUMNS).flatMap(([key, column]) => {
      if (!(key in change)) return [];
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- COLUMNS has these keys
      values.push(change[key as keyof JobChange]);
      return [`${column} = $${values.length}`];
    });
    const allowed = only === undefined ? '' : ` and state = any($${values.push([...only])}::text[])`;
    return this.#change(
      async (query) =>
        (
          await query<Job>(`update SCHEMA.jobs set ${sets.join(', ')} where id = $1${allowed} returning ${JOB}`, values)
        )[0],
    );
  }

  /** Those of these jobs that somebody wishes to stop. */
  async stopWishes(jobs: readonly string[]): Promise<string[]> {
    if (jobs.length === 0) return [];
    const found = await this.#query<{ id: string }>(
      'select id from SCHEMA.jobs where id = any($1::uuid[]) and stop_by is not null',
      [jobs],
    );
    return found.map(({ id }) => id);
  }

  async tokens(): Promise<KeptToken[]> {
    return (await this.#query<{ token: KeptToken }>('select token from SCHEMA.tokens order by name')).map(
      ({ token }) => token,
    );
  }

  async putToken(token: KeptToken): Promise<void> {
    await this.#change((query) => putToken(query, token));
  }

  /** Keeps a token where there is none yet, and returns whether it did. */
  async firstToken(token: KeptToken): Promise<boolean> {
    return this.#change(async (query) => {
      // Whoever else wants to be first waits here until this is kept, and then sees it.
      await query('select 1 from SCHEMA.meta for update');
      const [found] = await query<{ there: boolean }>('select exists (select from SCHEMA.tokens) as there');
      if (found?.there !== false) return false;
      await putToken(query, token);
      return true;
    });
  }

  async removeToken(name: string): Promise<boolean> {
    return this.#change(
      async (query) => (await query('delete from SCHEMA.tokens where name = $1 returning name', [name])).length > 0,
    );
  }

  /** What rolls there were, and what waits. `now`: milliseconds. */
  async figures(now: number): Promise<{
    done: number;
    failed: number;
    last: number | null;
    sum: number;
    queued: number;
    running: number;
    oldest: number | null;
  }> {
    const [found] = await this.#query<{
      done: number;
      failed: number;
      last: number | null;
      sum: number;
      queued: number;
      running: number;
      oldest: number | null;
    }>(
      `select count(*) filter (where state = 'done')::int as done, count(*) filter (where state = 'failed')::int as failed,
         (array_agg(ended - began order by ended desc) filter (where state in ('done', 'failed') and began is not null))[1] as last,
         coalesce(sum(ended - began) filter (where state in ('done', 'failed')), 0) as sum,
         count(*) filter (where state = 'waiting' and due <= $1)::int as queued,
         count(*) filter (where state in ('running', 'watching'))::int as running,
         min(due) filter (where state = 'waiting' and due <= $1) as oldest
       from SCHEMA.jobs where "order"->>'verb' in ('roll', 'canary', 'rollback', 'resume')`,
      [now],
    );
    return found ?? { done: 0, failed: 0, last: null, sum: 0, queued: 0, running: 0, oldest: null };
  }

  async kept(): Promise<Kept> {
    return this.#database.transaction(async (inner) => {
      const query = this.#in(inner);
      const [meta] = await query<{ revision: number }>('select revision from SCHEMA.meta');
      return {
        revision: meta?.revision ?? 0,
        schedules: await query<Schedule>(
          `select ${SCHEDULE} from SCHEMA.schedules where state in ('live', 'paused') order by number`,
        ),
        jobs: await query<Job>(`select ${JOB} from SCHEMA.jobs where state in ${LIVE} order by due`),
        tokens: (await query<{ token: KeptToken }>('select token from SCHEMA.tokens order by name')).map(
          ({ token }) => token,
        ),
      };
    });
  }

  /** Takes in what the file knows and the database has lost. Returns whether there was anything. */
  async restore(kept: Kept): Promise<boolean> {
    const { revision } = await this.kept();
    if (revision >= kept.revision) return false;
    await this.#database.transaction(async (inner) => {
      const query = this.#in(inner);
      for (const { number, id, wish, zone, by, made, state } of kept.schedules)
        // oxlint-disable-next-line no-await-in-loop -- one transaction
        await query(
          `insert into SCHEMA.schedules (number, id, wish, zone, by, made, state) values ($1, $2, $3::jsonb, $4, $5, $6, $7)
           on conflict (number) do update set state = excluded.state`,
          [number, id, JSON.stringify(wish), zone, by, made, state],
        );
      await query(
        `select setval(pg_get_serial_sequence('SCHEMA.schedules', 'number'), greatest((select coalesce(max(number), 0) from SCHEMA.schedules), 1))`,
      );
      for (const job of kept.jobs) {
        // oxlint-disable no-await-in-loop
        await insertJob(query, job);
        await query(
          'update SCHEMA.jobs set state = $2, due = $3, approved_by = $4, paused = $5, began = $6, number = $7, tries = $8, stop_by = $9 where id = $1',
          [
            job.id,
            job.state,
            job.due,
            job.approvedBy,
            job.paused,
            job.began,
            job.number,
            job.tries,
            job.stopBy ?? null,
          ],
        );
        // oxlint-enable no-await-in-loop
      }
      await query('delete from SCHEMA.tokens');
      // oxlint-disable-next-line no-await-in-loop
      for (const token of kept.tokens) await putToken(query, token);
      await query('update SCHEMA.meta set revision = $1', [kept.revision]);
    });
    return true;
  }

  #query<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.#in(this.#database.query)<Row>(text, values);
  }

  #in(query: Query): Query {
    return (text, values) => query(text.replaceAll('SCHEMA.', `${this.#schema}.`), values);
  }

  async #change<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const made = await this.#database.transaction(async (inner) => {
      const query = this.#in(inner);
      const value = await work(query);
      await query('update SCHEMA.meta set revision = revision + 1');
      return value;
    });
    this.onChange();
    return made;
  }
}

async function insertJob(query: Query, job: NewJob): Promise<Job | undefined> {
  const { id, schedule, order, command, by, made, instant, due, notAfter, needsApproval, commit } = job;
  const rows = await query<Job>(
    `insert into SCHEMA.jobs (id, schedule, "order", command, by, made, due, not_after, needs_approval, commit, instant, state)
     values ($1, $2, $3::jsonb, $4, $5, $6, $7, $8, $9, $10, $11, 'waiting') on conflict (id) do nothing returning ${JOB}`,
    [id, schedule, JSON.stringify(order), command, by, made, due, notAfter, needsApproval, commit, instant],
  );
  return rows[0];
}

async function putToken(query: Query, token: KeptToken): Promise<void> {
  await query(
    'insert into SCHEMA.tokens (name, token) values ($1, $2::jsonb) on conflict (name) do update set token = excluded.token',
    [token.name, JSON.stringify(token)],
  );
}
