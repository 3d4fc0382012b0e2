import { randomUUID } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as rest } from 'node:timers/promises';
import { openBeside } from '../beside.ts';
import { orderText, type Order } from '../core/api/order.ts';
import type { Read } from '../core/api/reads.ts';
import type { StoredEvent } from '../core/api/told.ts';
import type { JobView, Proposed, ScheduleView } from '../core/api/views.ts';
import type { Event } from '../core/event.ts';
import { Refusal } from '../core/failure.ts';
import type { Plan } from '../core/plan.ts';
import { notApproved } from '../core/schedule/course.ts';
import { pinsCommit, nextJob, scheduled } from './scheduling.ts';
import { scheduleWish } from '../core/schedule/wish.ts';
import { sentences } from '../core/sentences.ts';
import { calendarOf } from '../core/window-calendar.ts';
import { change } from '../change.ts';
import { loadInventory, open, type Opened } from '../open.ts';
import { listHistory } from '../verbs/history.ts';
import { listReleases } from '../verbs/releases.ts';
import { orderedChange } from '../verbs/ordered.ts';
import { commitWish } from '../verbs/roll.ts';
import { lookAtFleet } from '../verbs/status.ts';
import { openFolder, openServer, type Database } from './database.ts';
import { EventLog } from './event-log.ts';
import { lockFolder } from './folder-lock.ts';
import { readKept, writeKept } from './kept-file.ts';
import { endJob, HandedOver, perform, type Bench, type Ending } from './perform.ts';
import { openQueue, type Queue } from './queue.ts';
import { NotFound, type Figures, type Service, type TokenStore } from './service.ts';
import { Stops } from './stops.ts';
import { Store, type Job, type Schedule } from './store.ts';
import { makeTables } from './tables.ts';
import { jobView, scheduleView } from './views.ts';
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
  readonly #reading = new Map<string, Promise<unknown>>();
  #keeping: Promise<void> = Promise.resolve();
  /** Something was changed that no writing has begun with. */
  #unkept = false;
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
    this.tokens = {
      list: () => store.tokens(),
      first: (token) => store.firstToken(token),
      put: (token) => store.putToken(token),
      remove: (name) => store.removeToken(name),
    };
    if (!parts.database.shared) store.onChange = () => this.#keep();
  }

  /** Opens what is kept, and begins to work. Rejects with `Refusal` (exit 2) for an inventory, a folder or a database that can't be used. */
  static async open(options: DaemonOptions): Promise<Daemon> {
    const { inventory } = await loadInventory(options.inventory);
    const { app } = inventory;
    const { database, unlock } = await openDatabase(options);
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
      await this.#next(schedule, now);
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
    await this.#keeping;
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
    if (schedule !== undefined) await this.#persist(() => this.#next(schedule, Date.now()));
  }

  /** Sees to it that a schedule has a job to come, or has ended. */
  async #next(schedule: Schedule, now: number): Promise<void> {
    if (schedule.state !== 'live' && schedule.state !== 'paused') return;
    const jobs = await this.#store.jobsOf([schedule.number]);
    if (jobs.some(({ state }) => LIVE.has(state))) return;
    const next = nextJob(schedule, Math.max(0, ...jobs.map(({ instant }) => instant)), now);
    if (next === null) {
      await this.#store.setSchedule(schedule.number, 'ended');
      return;
    }
    await this.#store.addJob({ ...next, schedule: schedule.number });
    if (schedule.state === 'paused') await this.#store.setJob(next.id, { paused: true });
    await this.#queue.wake(next.id, next.due, false);
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

  /** Beside the database's folder, one after the other; several changes at once are one writing. */
  #keep(): void {
    if (this.#unkept) return;
    this.#unkept = true;
    const before = this.#keeping;
    this.#keeping = this.#write(before);
  }

  async #write(before: Promise<void>): Promise<void> {
    await before;
    this.#unkept = false;
    const { data, say } = this.#options;
    try {
      await writeKept(data, await this.#store.kept());
    } catch (error) {
      say(`${join(data, 'kept.json')}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** What was changed is on the disk. */
  async #safe<T>(value: T): Promise<T> {
    await this.#keeping;
    return value;
  }

  async schedules({ limit, all }: { readonly limit: number; readonly all: boolean }): Promise<ScheduleView[]> {
    const schedules = await this.#store.schedules(limit, all);
    const jobs = await this.#store.jobsOf(schedules.map(({ number }) => number));
    const bySchedule = Map.groupBy(jobs, ({ schedule }) => schedule);
    return schedules.map((schedule) => scheduleView(schedule, bySchedule.get(schedule.number) ?? []));
  }

  async schedule(number: number): Promise<ScheduleView & { readonly jobs: readonly JobView[] }> {
    const schedule = await this.#scheduleOf(number);
    const jobs = await this.#store.jobs(20, number);
    return { ...scheduleView(schedule, jobs), jobs: jobs.map(jobView) };
  }

  async make(wish: unknown, by: string): Promise<ScheduleView> {
    const read = scheduleWish.safeParse(wish);
    if (!read.success)
      throw new Refusal(
        2,
        `The schedule can't be read: ${read.error.issues.map(({ path, message }) => `${path.map(String).join('.')} ${message}`).join('; ')}.`,
        'See the OpenAPI document.',
      );
    const opened = await this.#openFleet(() => {});
    try {
      const { order } = read.data;
      const ref = ('ref' in order ? order.ref : undefined) ?? opened.inventory.build.ref;
      // Also where the commit is taken later: a ref that does not exist is told to the one who is still awake.
      const { of } = await commitWish(opened, ref);
      const commit = pinsCommit(read.data) && 'commit' in of ? of.commit.commit : null;
      const { schedule, first } = scheduled(read.data, { inventory: opened.inventory, by, now: Date.now(), commit });
      const made = await this.#store.add(schedule, first);
      await this.#wake(made.job, made.job.due);
      return await this.#safe(scheduleView(made.schedule, [made.job]));
    } finally {
      await opened.close();
    }
  }

  async cancel(number: number): Promise<ScheduleView> {
    const schedule = await this.#scheduleOf(number);
    await this.#store.setSchedule(number, 'cancelled');
    const job = await this.#liveJob(schedule);
    if (job?.state === 'waiting') await this.#cancelled(job, { exit: null, words: 'its schedule was cancelled' });
    return this.#safe(await this.#viewOf(number));
  }

  async runNow(number: number): Promise<ScheduleView> {
    const schedule = await this.#scheduleOf(number);
    const job = await this.#waiting(schedule);
    const now = Date.now();
    await this.#store.setJob(job.id, { due: Math.min(job.due, now), paused: false }, ['waiting']);
    await this.#wake(job, now);
    return this.#safe(await this.#viewOf(number));
  }

  async pause(number: number, paused: boolean): Promise<ScheduleView> {
    const schedule = await this.#scheduleOf(number);
    const job = await this.#waiting(schedule);
    await this.#store.setSchedule(number, paused ? 'paused' : 'live');
    await this.#store.setJob(job.id, { paused }, ['waiting']);
    await this.#wake(job, Math.max(job.due, Date.now()));
    return this.#safe(await this.#viewOf(number));
  }

  async approve(number: number, by: string): Promise<ScheduleView> {
    const schedule = await this.#scheduleOf(number);
    const job = await this.#waiting(schedule);
    const not = notApproved({ ...job, stopped: null }, by);
    if (not !== undefined)
      throw new Refusal(
        3,
        `Schedule ${number} is not approved: ${not}.`,
        'Let somebody else approve it, with a token of their own.',
      );
    await this.#store.setJob(job.id, { approvedBy: by }, ['waiting']);
    await this.#wake(job, Math.max(job.due, Date.now()));
    return this.#safe(await this.#viewOf(number));
  }

  async plan(order: Order, by: string): Promise<Proposed> {
    const opened = { ...(await this.#openFleet(() => {})), by };
    try {
      const made = await orderedChange(opened, order);
      let shown: Plan | undefined;
      await change(
        made.opened,
        made.change,
        { dryRun: true, yes: true, show: (plan) => (shown = plan), stop: this.#stop.signal },
        made.seen,
      );
      return {
        lines: shown === undefined ? [] : sentences(shown),
        plan: shown ?? null,
        empty: shown === undefined || shown.phases.length === 0,
      };
    } finally {
      await opened.close();
    }
  }

  async start(order: Order, by: string): Promise<JobView> {
    const now = Date.now();
    const job = await this.#store.addJob({
      id: randomUUID(),
      schedule: null,
      order,
      command: orderText(order),
      by,
      made: now,
      instant: now,
      due: now,
      notAfter: null,
      needsApproval: false,
      commit: null,
    });
    if (job === undefined) throw new Error('the job was not kept');
    await this.#wake(job, now);
    return this.#safe(jobView(job));
  }

  async stop(id: string, by: string): Promise<JobView> {
    const { state } = await this.#jobOf(id);
    if (state === 'watching')
      throw new Refusal(
        3,
        'The canary of that job lives, and is watched.',
        '`orchestrate canary abort` sends its users back, `orchestrate canary promote` takes everybody over: both end the job.',
      );
    // The wish before all else: whoever begins the job just now reads it.
    const wished = await this.#store.setJob(id, { stopBy: by }, ['waiting', 'running']);
    if (wished?.state === 'waiting') await this.#cancelled(wished, { exit: 130, words: `${by} has cancelled it` });
    if (wished?.state === 'running') {
      this.#log.tell(id, { at: new Date().toISOString(), type: 'note', text: `${by} asks it to stop` });
      await this.#stops.heed();
    }
    return jobView(await this.#jobOf(id));
  }

  /** Where it has not begun meanwhile. */
  #cancelled(job: Job, said: Ending): Promise<void> {
    return endJob(job, said, 'cancelled', this.#bench(), Date.now(), ['waiting']);
  }

  async jobs({ limit }: { readonly limit: number }): Promise<JobView[]> {
    return (await this.#store.jobs(limit)).map(jobView);
  }

  async job(id: string): Promise<JobView> {
    return jobView(await this.#jobOf(id));
  }

  events(after: number | undefined, job: string | undefined, signal: AbortSignal): AsyncIterable<StoredEvent> {
    return this.#log.follow(after, job, signal);
  }

  /** Of those who ask for the same at once, one is answered, and all hear it. */
  async read(what: Read): Promise<unknown> {
    const under = this.#reading.get(what);
    if (under !== undefined) return under;
    const reading = this.#read(what).finally(() => this.#reading.delete(what));
    this.#reading.set(what, reading);
    return reading;
  }

  async #read(what: Read): Promise<unknown> {
    const opened = await this.#openFleet(() => {});
    try {
      if (what === 'status') return await lookAtFleet(opened, {});
      if (what === 'history') return await listHistory(opened, 100);
      if (what === 'releases') return await listReleases(opened);
      return calendarOf(opened.inventory, opened.clock.now(), opened.clock.zone());
    } finally {
      await opened.close();
    }
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

  async #scheduleOf(number: number): Promise<Schedule> {
    const schedule = await this.#store.schedule(number);
    if (schedule === undefined)
      throw new NotFound(`schedule ${number}`, '`orchestrate schedule list` lists those that there are.');
    return schedule;
  }

  async #jobOf(id: string): Promise<Job> {
    const job = /^[0-9a-f-]{36}$/.test(id) ? await this.#store.job(id) : undefined;
    if (job === undefined)
      throw new NotFound(`job ${id}`, '`orchestrate schedule show NUMBER` lists the jobs of a schedule.');
    return job;
  }

  async #liveJob({ number }: Schedule): Promise<Job | undefined> {
    return (await this.#store.jobsOf([number])).find(({ state }) => LIVE.has(state));
  }

  async #waiting(schedule: Schedule): Promise<Job> {
    const job = await this.#liveJob(schedule);
    if (job?.state === 'waiting') return job;
    throw new Refusal(
      3,
      job === undefined
        ? `Schedule ${schedule.number} has nothing to do any more.`
        : `Schedule ${schedule.number} is at work.`,
      `\`orchestrate schedule show ${schedule.number}\` tells more.`,
    );
  }

  async #viewOf(number: number): Promise<ScheduleView> {
    return scheduleView(await this.#scheduleOf(number), await this.#store.jobsOf([number]));
  }
}

const LIVE: ReadonlySet<string> = new Set(['waiting', 'running', 'watching']);

async function openDatabase({
  data,
  database,
  say,
}: DaemonOptions): Promise<{ database: Database; unlock: () => Promise<void> }> {
  if (database !== undefined) return { database: await openServer(database), unlock: () => Promise.resolve() };
  const unlock = await lockFolder(data);
  try {
    return { database: await openFolder(data), unlock };
  } catch (error) {
    // What was kept beside it is all that is needed to go on. The files stay, for whoever wants to look.
    const aside = `store.broken-${Date.now()}`;
    say(
      `The database in ${data} can't be opened (${error instanceof Error ? error.message : String(error)}): it is moved to ${aside}, and a new one is made.`,
    );
    try {
      await rename(join(data, 'store'), join(data, aside));
      return { database: await openFolder(data), unlock };
    } catch (again) {
      await unlock();
      throw again;
    }
  }
}
