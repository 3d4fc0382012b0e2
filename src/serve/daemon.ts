import { join } from 'node:path';
import { setTimeout as rest } from 'node:timers/promises';
import { openBeside } from '../beside.ts';
import type { Order } from '../core/api/order.ts';
import type { Read } from '../core/api/reads.ts';
import type { StoredEvent } from '../core/api/told.ts';
import type { JobView, Proposed, ScheduleView } from '../core/api/views.ts';
import type { Event } from '../core/event.ts';
import { Refusal } from '../core/failure.ts';
import { loadInventory, open, type Opened } from '../open.ts';
import type { Database } from './database.ts';
import { EventLog } from './event-log.ts';
import { Jobs } from './jobs.ts';
import { Keeping } from './keeping.ts';
import { readKept } from './kept-file.ts';
import { Looking } from './looking.ts';
import { openHeld } from './opening.ts';
import { HandedOver, perform, type Bench } from './perform.ts';
import { openQueue, type Queue } from './queue.ts';
import { Schedules } from './schedules.ts';
import type { Figures, Service, TokenStore } from './service.ts';
import { Stops } from './stops.ts';
import { Store, type Job } from './store.ts';
import { makeTables } from './tables.ts';
import { tellOthers } from './telling.ts';
import { watchCanary } from './watching.ts';

export interface DaemonOptions {
  readonly inventory: string | undefined;
  /** The folder for what it keeps; with `database` nothing is written there. */
  readonly data: string;
  readonly database?: string;
  readonly version: string;
  /** Says something to whoever started it: a line. */
  readonly say: (text: string) => void;
  /** The fleet, and what is done beside a command; a test may hand in others. */
  readonly openFleet?: (file: string | undefined, tell: (event: Event) => void) => Promise<Opened>;
  readonly openBeside?: typeof openBeside;
}

/** Milliseconds. */
const AGAIN = 2000;
const FAULT_AGAIN = 30_000;
const FORGET = 6 * 3_600_000;

/** The service: keeps schedules, does jobs when they are due, and watches canaries. Any number may share a database. */
export class Daemon implements Service {
  readonly app: string;
  readonly version: string;
  readonly tokens: TokenStore;
  readonly #options: DaemonOptions;
  readonly #database: Database;
  readonly #store: Store;
  readonly #log: EventLog;
  readonly #queue: Queue;
  readonly #unlock: () => Promise<void>;
  readonly #stop = new AbortController();
  readonly #stops: Stops;
  readonly #keeping: Keeping;
  readonly #schedules: Schedules;
  readonly #jobs: Jobs;
  readonly #looking: Looking;
  #rotation: { readonly in: number; readonly out: number } | undefined;
  #forgetting: NodeJS.Timeout | undefined;
  /** What was last said of its health. */
  #unwell = '';

  private constructor(
    options: DaemonOptions,
    app: string,
    parts: { database: Database; store: Store; log: EventLog; queue: Queue; unlock: () => Promise<void> },
  ) {
    this.app = app;
    this.version = options.version;
    this.#options = options;
    this.#database = parts.database;
    this.#store = parts.store;
    this.#log = parts.log;
    this.#queue = parts.queue;
    this.#unlock = parts.unlock;
    this.#stops = new Stops(parts.store, parts.database.shared);
    const { store } = parts;
    this.#keeping = new Keeping(options.data, store, options.say);
    if (!parts.database.shared) store.onChange = () => this.#keeping.changed();
    this.tokens = {
      list: () => store.tokens(),
      first: (token) => this.#safe(store.firstToken(token)),
      put: (token) => this.#safe(store.putToken(token)),
      remove: (name) => this.#safe(store.removeToken(name)),
    };
    const bench = this.#bench();
    const openFleet = (): Promise<Opened> => this.#openFleet(() => {});
    this.#jobs = new Jobs({ ...bench, stops: this.#stops });
    this.#schedules = new Schedules({
      store,
      openFleet,
      wake: (job, at) => this.#wake(job, at),
      cancelled: (job, said) => this.#jobs.cancelled(job, said),
    });
    this.#looking = new Looking(openFleet, this.#stop.signal);
  }

  /** Opens what is kept, and begins to work. Rejects with `Refusal` (exit 2) for an inventory, a folder or a database that can't be used. */
  static async open(options: DaemonOptions): Promise<Daemon> {
    const { inventory } = await loadInventory(options.inventory);
    const { app } = inventory;
    const { database, unlock } = await openHeld(options);
    try {
      await makeTables(database, app);
      const store = new Store(database, app);
      const kept = database.shared ? undefined : await readKept(options.data);
      if (kept !== undefined && (await store.restore(kept)))
        options.say(`What the database had lost was put back from ${join(options.data, 'kept.json')}.`);
      const log = new EventLog(database, app);
      const queue = await openQueue(database, app, options.say);
      const daemon = new Daemon(options, app, { database, store, log, queue, unlock });
      await daemon.#begin();
      return daemon;
    } catch (error) {
      await database.close();
      await unlock();
      throw error;
    }
  }

  async #begin(): Promise<void> {
    const now = Date.now();
    for (const job of await this.#store.liveJobs())
      // oxlint-disable-next-line no-await-in-loop
      if (job.state !== 'watching') await this.#wake(job, Math.min(job.due, now));
    for (const schedule of await this.#store.schedules(100_000, false))
      // oxlint-disable-next-line no-await-in-loop
      await this.#schedules.next(schedule, now);
    await this.#queue.watch();
    const bench = this.#bench();
    const guarded = async (what: string, work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        if (!(error instanceof HandedOver)) {
          const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
          this.#options.say(`${what}: ${error instanceof Refusal ? error.message : words}`);
          // It is woken again at once; what does not go now goes no better in two seconds.
          await rest(FAULT_AGAIN, undefined, { signal: this.#stop.signal }).catch(() => {});
        }
        throw error;
      }
    };
    await this.#queue.work(
      (job) => guarded(`job ${job}`, () => perform(job, bench)),
      () => guarded('the canary', () => watchCanary(bench)),
    );
    this.#forgetting = setInterval(() => void this.#log.forget(Date.now()).catch(() => {}), FORGET).unref();
  }

  /** Ends: what is in hand is brought to rest, and goes on when a service runs again, or in another that shares the database. */
  async close(): Promise<void> {
    clearInterval(this.#forgetting);
    this.#stop.abort('SIGTERM');
    await this.#queue.close();
    await this.#log.written(5000);
    this.#log.close();
    await this.#keeping.written();
    await this.#database.close();
    await this.#unlock();
  }

  #bench(): Bench {
    return {
      store: this.#store,
      log: this.#log,
      open: (tell) =>
        this.#openFleet((event) => {
          if (event.type === 'rotation') this.#rotation = { in: event.in.length, out: event.out.length };
          tell(event);
        }),
      openBeside: this.#options.openBeside ?? openBeside,
      stop: this.#stop.signal,
      stops: this.#stops,
      wake: (job, at) => this.#wake(job, at),
      watch: () => this.#queue.watch(),
      ended: (job, said) => this.#ended(job, said),
      persist: (write) => this.#persist(write),
    };
  }

  #wake({ id, schedule }: Pick<Job, 'id' | 'schedule'>, at: number): Promise<void> {
    return this.#queue.wake(id, at, schedule === null);
  }

  #openFleet(tell: (event: Event) => void): Promise<Opened> {
    return (this.#options.openFleet ?? open)(this.#options.inventory, tell);
  }

  /** What comes after a job: the next of its schedule, or the schedule's end. */
  async #ended(job: Job, { refusal }: { readonly refusal?: Refusal }): Promise<void> {
    if (job.state === 'expired' || (refusal !== undefined && job.schedule !== null))
      await tellOthers(this.#options.inventory, job, refusal);
    if (job.schedule === null) return;
    const schedule = await this.#persist(() => this.#store.schedule(job.schedule ?? 0));
    if (schedule !== undefined) await this.#persist(() => this.#schedules.next(schedule, Date.now()));
  }

  /** Writes, again and again until it is written: a database that is away comes back, and the roll goes on meanwhile. */
  async #persist<T>(write: () => Promise<T>): Promise<T> {
    for (let told = false; ; told = true) {
      try {
        // oxlint-disable-next-line no-await-in-loop
        return await write();
      } catch (error) {
        if (this.#stop.signal.aborted) throw error;
        if (!told)
          this.#options.say(
            `the database: ${error instanceof Error ? error.message : String(error)}; it is tried again`,
          );
        // oxlint-disable-next-line no-await-in-loop
        await rest(AGAIN);
      }
    }
  }

  /** What was changed is on the disk. */
  async #safe<T>(changing: Promise<T>): Promise<T> {
    const value = await changing;
    await this.#keeping.written();
    return value;
  }

  schedules(options: { readonly limit: number; readonly all: boolean }): Promise<ScheduleView[]> {
    return this.#schedules.list(options);
  }

  schedule(number: number): Promise<ScheduleView & { readonly jobs: readonly JobView[] }> {
    return this.#schedules.one(number);
  }

  make(wish: unknown, by: string): Promise<ScheduleView> {
    return this.#safe(this.#schedules.make(wish, by));
  }

  cancel(number: number): Promise<ScheduleView> {
    return this.#safe(this.#schedules.cancel(number));
  }

  runNow(number: number): Promise<ScheduleView> {
    return this.#safe(this.#schedules.runNow(number));
  }

  pause(number: number, paused: boolean): Promise<ScheduleView> {
    return this.#safe(this.#schedules.pause(number, paused));
  }

  approve(number: number, by: string): Promise<ScheduleView> {
    return this.#safe(this.#schedules.approve(number, by));
  }

  start(order: Order, by: string): Promise<JobView> {
    return this.#safe(this.#jobs.start(order, by));
  }

  stop(id: string, by: string): Promise<JobView> {
    return this.#safe(this.#jobs.stop(id, by));
  }

  jobs(options: { readonly limit: number }): Promise<JobView[]> {
    return this.#jobs.list(options);
  }

  job(id: string): Promise<JobView> {
    return this.#jobs.one(id);
  }

  plan(order: Order, by: string): Promise<Proposed> {
    return this.#looking.plan(order, by);
  }

  read(what: Read): Promise<unknown> {
    return this.#looking.read(what);
  }

  events(after: number | undefined, job: string | undefined, signal: AbortSignal): AsyncIterable<StoredEvent> {
    return this.#log.follow(after, job, signal);
  }

  async health(): ReturnType<Service['health']> {
    try {
      await this.#database.query('select 1');
      this.#unwell = '';
      return { ok: true, words: 'ok' };
    } catch (error) {
      const details = error instanceof Error ? error.message : String(error);
      // Whoever asks every few seconds is not to fill the log.
      if (details !== this.#unwell) this.#options.say(`it is not well: the database: ${details}`);
      this.#unwell = details;
      return { ok: false, words: 'the database does not answer', details };
    }
  }

  async figures(): Promise<Figures> {
    const now = Date.now();
    const { done, failed, last, sum, queued, running, oldest } = await this.#store.figures(now);
    return {
      rolls: { done, failed },
      lastRollSeconds: last === null ? null : last / 1000,
      rollSecondsSum: sum / 1000,
      queued,
      running,
      queueAgeSeconds: oldest === null ? 0 : Math.max(0, (now - oldest) / 1000),
      inRotation: this.#rotation?.in ?? null,
      outOfRotation: this.#rotation?.out ?? null,
    };
  }
}
