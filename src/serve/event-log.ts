import { setTimeout as rest } from 'node:timers/promises';
import type { JobEnd, StoredEvent } from '../core/api/told.ts';
import type { Event } from '../core/event.ts';
import type { Database, Query } from './database.ts';
import { schemaOf } from './tables.ts';

/** Milliseconds for which events are gathered before they are written; between two tries while the database is away. */
const GATHER = 100;
const AGAIN = 2000;
/** Milliseconds after which others' events are looked for, where others write too; and without, for the case that a word was missed. */
const LOOK = { shared: 1000, own: 15_000 };
/** Milliseconds without a word after which it is asked whether a job has ended long ago: so long ago. */
const END = 10_000;
/** Events that wait to be written; beyond it what steps print is left out. */
const MOST = 20_000;
/** Events that are read at once, and that are kept in memory. */
const PAGE = 1000;
const RECENT = 2000;
/** Milliseconds for which events are kept. */
const KEPT = 90 * 24 * 3_600_000;
/** Held while events are numbered, so that a lower number never becomes visible after a higher one. */
const LOCK = 7_260_411;

/** What jobs tell, in one order, for those who follow: now, and after a line that broke. */
export class EventLog {
  readonly #database: Database;
  readonly #schema: string;
  readonly #end: number;
  readonly #waiting: { job: string; at: number; event: Event | JobEnd }[] = [];
  readonly #followers = new Set<() => void>();
  /** The newest, in order and whole, while anybody follows. */
  readonly #recent: StoredEvent[] = [];
  #following = 0;
  #reads = false;
  #tellWritten: () => void = () => {};
  #writing: Promise<void> | undefined;
  #closed = false;

  /** `end`: milliseconds, see END. */
  constructor(database: Database, app: string, end = END) {
    this.#database = database;
    this.#end = end;
    this.#schema = schemaOf(app);
  }

  /** Keeps an event, soon. Neither waits nor throws: a database that is away is written to when it is back. */
  tell(job: string, event: Event | JobEnd): void {
    if (this.#waiting.length >= MOST && (event.type === 'output' || event.type === 'step')) return;
    this.#waiting.push({ job, at: Date.parse(event.at), event });
    this.#writing ??= this.#write();
  }

  /** Waits until what was told is kept: so many milliseconds at the most. */
  async written(within: number): Promise<void> {
    await Promise.race([this.#writing, rest(within, undefined, { ref: false })]);
  }

  /** Newest id; 0: none yet. */
  async last(): Promise<number> {
    const [found] = await this.#query<{ id: number }>('select coalesce(max(id), 0)::float8 as id from SCHEMA.events');
    return found?.id ?? 0;
  }

  /** Of a job that has ended the last one is its end, also where the service died before it was written. */
  async *follow(after: number | undefined, job: string | undefined, signal: AbortSignal): AsyncIterable<StoredEvent> {
    let at = after ?? (await this.last());
    const over = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    this.#following += 1;
    // oxlint-disable no-await-in-loop -- one page after the other
    try {
      while (!signal.aborted && !this.#closed) {
        let told = (): void => {};
        const word = new Promise<void>((resolve) => (told = resolve));
        // Listens before it looks: what is told in between is not missed.
        this.#followers.add(told);
        if (!this.#reads) void this.#read();
        try {
          const page = this.#recentAfter(at) ?? (await this.#page(at, job));
          for (const stored of page) {
            if (signal.aborted) return;
            at = stored.id;
            if (job !== undefined && stored.job !== job) continue;
            yield stored;
            if (job !== undefined && stored.event.type === 'ended') return;
          }
          if (page.length > 0) continue;
          if (job === undefined) await Promise.race([word, over]);
          else if (await quiet(Promise.race([word, over]), this.#end)) {
            const end = await this.#lostEnd(job, at);
            if (end !== undefined) {
              yield { id: at, job, event: end };
              return;
            }
          }
        } finally {
          this.#followers.delete(told);
        }
      }
    } finally {
      this.#following -= 1;
    }
    // oxlint-enable no-await-in-loop
  }

  /** Reads what comes, once for all who follow: until nobody does. */
  async #read(): Promise<void> {
    this.#reads = true;
    let head: number | undefined;
    // oxlint-disable no-await-in-loop
    while (this.#following > 0 && !this.#closed) {
      let told = (): void => {};
      const written = new Promise<void>((resolve) => (told = resolve));
      this.#tellWritten = told;
      try {
        const first = head === undefined;
        head ??= await this.last();
        const page = await this.#page(head, undefined);
        head = page.at(-1)?.id ?? head;
        this.#recent.push(...page);
        this.#recent.splice(0, this.#recent.length - RECENT);
        // At first they may have looked before what is the newest now was there.
        if (first || page.length > 0) for (const follower of this.#followers) follower();
        if (page.length === PAGE) continue;
      } catch {
        await rest(AGAIN, undefined, { ref: false });
      }
      await Promise.race([written, rest(this.#database.shared ? LOOK.shared : LOOK.own, undefined, { ref: false })]);
    }
    // oxlint-enable no-await-in-loop
    // What is not read on is not whole any more.
    this.#recent.length = 0;
    this.#reads = false;
  }

  /** What came after an id, from memory; undefined: it does not reach so far back. */
  #recentAfter(id: number): StoredEvent[] | undefined {
    const first = this.#recent[0];
    if (first === undefined || id < first.id) return undefined;
    const at = this.#recent.findLastIndex((stored) => stored.id <= id);
    return this.#recent.slice(at + 1);
  }

  /** Removes what is too old. `now`: milliseconds. */
  async forget(now: number): Promise<void> {
    await this.#query('delete from SCHEMA.events where at < $1', [now - KEPT]);
  }

  close(): void {
    this.#closed = true;
    this.#tellWritten();
    for (const told of this.#followers) told();
  }

  async #page(after: number, job: string | undefined): Promise<StoredEvent[]> {
    const which = job === undefined ? '' : 'and job = $3';
    return this.#query(
      `select id::float8 as id, job, event from SCHEMA.events where id > $1 ${which} order by id limit $2`,
      job === undefined ? [after, PAGE] : [after, PAGE, job],
    );
  }

  /** The end of a job that has ended, and of which nothing is written after an id. */
  async #lostEnd(job: string, after: number): Promise<JobEnd | undefined> {
    const [found] = await this.#query<{ exit: number | null; ended: number }>(
      `select exit, ended::float8 as ended from SCHEMA.jobs
       where id = $1 and ended < $2 and not exists (select from SCHEMA.events where job = $1 and id > $3)`,
      [job, Date.now() - this.#end, after],
    );
    return found && { at: new Date(found.ended).toISOString(), type: 'ended', exit: found.exit ?? 0 };
  }

  async #write(): Promise<void> {
    // oxlint-disable no-await-in-loop -- in order
    await rest(GATHER);
    while (this.#waiting.length > 0) {
      const some = this.#waiting.slice(0, PAGE);
      try {
        await this.#database.transaction(async (query) => {
          await query('select pg_advisory_xact_lock($1)', [LOCK]);
          await query(
            `insert into ${this.#schema}.events (job, at, event)
             select (each->>'job')::uuid, (each->>'at')::float8, each->'event' from jsonb_array_elements($1::jsonb) with ordinality as told (each, n) order by n`,
            [JSON.stringify(some)],
          );
        });
        this.#waiting.splice(0, some.length);
        this.#tellWritten();
      } catch {
        // Closed for good, or away for a while: the roll goes on, and what it tells is kept here meanwhile.
        if (this.#closed) break;
        await rest(AGAIN);
      }
    }
    // oxlint-enable no-await-in-loop
    this.#writing = undefined;
  }

  #query: Query = (text, values) => this.#database.query(text.replaceAll('SCHEMA.', `${this.#schema}.`), values);
}

/** Whether nothing comes for a while. */
async function quiet(word: Promise<void>, time: number): Promise<boolean> {
  const timer = new AbortController();
  try {
    return await Promise.race([
      word.then(() => false),
      rest(time, true, { ref: false, signal: timer.signal }).catch(() => false),
    ]);
  } finally {
    timer.abort();
  }
}
