import { setMaxListeners } from 'node:events';
import type { Beside } from '../beside.ts';
import { change, type Change } from '../change.ts';
import type { Event } from '../core/event.ts';
import { Busy, Failed, JobEnded, NotNow, Refusal, faultOf, story } from '../core/failure.ts';
import { endedJobs, newestLease, seenBalancers, type FleetView } from '../core/fleet.ts';
import { duration } from '../core/inventory/values.ts';
import { nextOf, type Next } from '../core/schedule/course.ts';
import { timesText } from '../core/window-words.ts';
import { lookAt } from '../look-at.ts';
import type { Opened } from '../open.ts';
import { SIGNAL_EXIT } from '../summary.ts';
import { keepsToWindows, orderedChange, type Ordered } from '../verbs/ordered.ts';
import type { EventLog } from './event-log.ts';
import type { Stops } from './stops.ts';
import type { Job, JobChange, Store } from './store.ts';

/** What a job is done with. */
export interface Bench {
  readonly store: Store;
  readonly log: EventLog;
  /** The fleet, with the inventory as it is now. */
  readonly open: (tell: (event: Event) => void) => Promise<Opened>;
  readonly openBeside: (opened: Opened, stop: AbortSignal) => Beside;
  /** Aborted when the service is to end: what is in hand is handed over. */
  readonly stop: AbortSignal;
  /** What persons wish to stop. */
  readonly stops: Pick<Stops, 'begin' | 'end'>;
  /** Lets the job be looked at again, at an instant (milliseconds since the epoch). */
  readonly wake: (job: Job, at: number) => Promise<void>;
  /** A canary lives that nobody watches. */
  readonly watch: () => Promise<void>;
  /** Told when a job has come to its end, whatever that is. */
  readonly ended: (job: Job, said: Ending) => Promise<void>;
  /** Says something again until it is said: a database that is away comes back. */
  readonly persist: <T>(write: () => Promise<T>) => Promise<T>;
}

/** How a job has ended. */
export interface Ending {
  readonly exit: number | null;
  readonly words: string;
  readonly refusal?: Refusal;
}

/** It goes on elsewhere, or here when the service runs again: the queue is to give it to whoever is there. */
export class HandedOver extends Error {}

/** Milliseconds. */
const LEASE_AGAIN = 5000;
const UNREACHABLE_AGAIN = 30_000;
const REFUSED_AGAIN = 60_000;
/** How often a scheduled job that was refused, and has changed nothing, is tried. */
const TRIES = 3;

const ANY_TIME = { windows: [], freezes: [] };

/**
 * What is to be done about a job now: begun, gone on with, waited with, or found done. The queue may call this as often as it likes, and in
 * several services: what decides is the fleet's record and lease. Rejects with `HandedOver` when the service ends in the middle of it.
 */
export async function perform(id: string, bench: Bench): Promise<void> {
  const { store, log } = bench;
  const job = await store.job(id);
  if (job === undefined || (job.state !== 'waiting' && job.state !== 'running')) return;
  const sentence: { told?: string } = {};
  let beside: Beside | undefined;
  const tell = (event: Event): void => {
    if (event.type === 'finished') sentence.told = event.summary.sentence;
    if (event.type === 'began') bench.persist(() => store.setJob(id, { number: event.number })).catch(() => {});
    beside?.tell(event);
    log.tell(id, event);
  };
  let opened: Opened;
  try {
    opened = await bench.open(tell);
  } catch (error) {
    // The inventory was changed, and can't be used as it is.
    if (!(error instanceof Refusal)) throw error;
    return refused(job, error, bench, Date.now());
  }
  const done = new Doing(job, { ...opened, by: byOf(job) }, bench);
  try {
    const view = await lookAt(opened, []);
    const next = await done.next(view);
    if (next.kind !== 'start' && next.kind !== 'resume') return await done.settle(next);
    const stop = AbortSignal.any([bench.stop, bench.stops.begin(id)]);
    // Each command on each host listens.
    setMaxListeners(0, stop);
    beside = bench.openBeside(opened, stop);
    try {
      const began = job.began ?? opened.clock.now();
      const mine = await bench.persist(() =>
        store.setJob(id, { state: 'running', began, words: null }, ['waiting', 'running']),
      );
      if (mine === undefined) return;
      // Before it was begun here, or while it was in the hand of a service that has gone.
      if (mine.stopBy !== null) return await done.stopped(mine.stopBy, next.kind);
      await done.run(next.kind, beside, stop, sentence);
    } finally {
      bench.stops.end(id);
      await beside.end();
    }
  } finally {
    await opened.close();
  }
}

/** A command is told as the one's who asked for it. */
const byOf = ({ by, schedule }: Job): string => (schedule === null ? by : `${by} (schedule ${schedule})`);

class Doing {
  readonly #job: Job;
  readonly #opened: Opened;
  readonly #bench: Bench;

  constructor(job: Job, opened: Opened, bench: Bench) {
    this.#job = job;
    this.#opened = opened;
    this.#bench = bench;
  }

  async next(view: FleetView): Promise<Next> {
    const { id, due, notAfter, by, needsApproval, approvedBy, paused, state, order, schedule } = this.#job;
    const { inventory, clock } = this.#opened;
    const now = clock.now();
    const ended = endedJobs(view);
    // Nothing can be known, and nothing could be done.
    if (seenBalancers(view).length === 0 && schedule !== null)
      return { kind: 'wait', what: 'lease', until: now + UNREACHABLE_AGAIN };
    // Somebody waits for it: what stands in its way is told, as it is where the command is typed.
    if (schedule === null && state === 'waiting') return ended.has(id) ? { kind: 'complete' } : { kind: 'start' };
    const standing = {
      ended,
      begun: view.begun === null ? undefined : (view.begun.job ?? null),
      leased: (newestLease(view)?.remaining ?? 0) > 0,
    };
    const wanted = { id, due, notAfter, by, needsApproval, approvedBy, stopped: paused ? ('paused' as const) : null };
    return nextOf(wanted, standing, keepsToWindows(order) ? inventory : ANY_TIME, now);
  }

  /** What is neither begun nor gone on with. */
  async settle(next: Exclude<Next, { kind: 'start' | 'resume' }>): Promise<void> {
    if (next.kind === 'wait')
      return this.#wait(WAITS[next.what](next.until === null ? '' : this.#time(next.until)), next.until);
    if (next.kind === 'expire') return this.#end({ exit: null, words: `it has expired: ${this.#why()}` }, 'expired');
    if (next.kind === 'drop') return this.#end({ exit: null, words: 'it was cancelled' }, 'cancelled');
    if (this.#job.order.verb === 'canary') return this.#watched();
    return this.#end({ exit: null, words: 'it has come to its end; `orchestrate history` tells how' });
  }

  /** By somebody's wish nothing is begun, and nothing gone on with. */
  async stopped(by: string, how: 'start' | 'resume'): Promise<void> {
    if (how === 'start') return this.#end({ exit: 130, words: `${by} has cancelled it` }, 'cancelled');
    const words = `${by} has stopped it; \`orchestrate resume\` or \`rollback\` ends what it had begun`;
    return this.#end({ exit: 130, words });
  }

  async run(
    how: 'start' | 'resume',
    beside: Beside,
    stop: AbortSignal,
    sentence: { readonly told?: string },
  ): Promise<void> {
    const { id, order } = this.#job;
    try {
      const finish = this.#opened.inventory.windows_on_close === 'finish';
      const resume = { verb: 'resume', ...(finish ? { now: true, reason: RESUMED } : {}) } as const;
      const ordered = await orderedChange(this.#opened, how === 'resume' ? resume : order);
      let nothing = false;
      const exit = await this.#change(ordered, beside, stop, () => (nothing = true));
      const stopped = Object.values(SIGNAL_EXIT).includes(exit);
      if (stopped && this.#bench.stop.aborted) throw new HandedOver(id);
      if (exit === 0 && (order.verb === 'canary' || order.verb === 'canary continue') && !nothing)
        return await this.#watched();
      const words =
        sentence.told ??
        (nothing ? 'there was nothing to do' : stopped ? 'it was stopped; nothing was changed' : `exit ${exit}`);
      await this.#end({ exit, words });
    } catch (error) {
      if (error instanceof HandedOver) throw error;
      await this.#refused(error);
    }
  }

  #change(
    { opened, change: wanted, seen }: Ordered,
    beside: Beside,
    stop: AbortSignal,
    nothing: () => void,
  ): Promise<number> {
    const wait = 'wait' in this.#job.order ? this.#job.order.wait : undefined;
    return carryOut(
      opened,
      wanted,
      { before: beside.before, stop, job: this.#job.id, show: nothing, ...(wait === undefined ? {} : { wait }) },
      seen,
    );
  }

  /** Nothing was changed, or it is not known what was: then the record tells, when it is looked at again. */
  async #refused(error: unknown): Promise<void> {
    const { schedule } = this.#job;
    const now = this.#opened.clock.now();
    if (error instanceof JobEnded) return this.settle({ kind: 'complete' });
    if (schedule !== null && error instanceof Busy) return this.#wait(error.message, now + LEASE_AGAIN);
    if (schedule !== null && error instanceof NotNow && error.opens !== null)
      return this.#wait(`it waits for its window: ${this.#time(error.opens)}`, error.opens);
    if (error instanceof Refusal) return refused(this.#job, error, this.#bench, now);
    const failure = error instanceof Failed ? error.failure : faultOf(error, 'do a job');
    this.#opened.emit({ type: 'failed', failure });
    return this.#end({ exit: 1, words: story(failure)[0] ?? 'it failed' });
  }

  async #wait(words: string, until: number | null): Promise<void> {
    const { store, persist, wake } = this.#bench;
    await persist(() => store.setJob(this.#job.id, { state: 'waiting', words }, ['waiting', 'running']));
    if (until !== null) await persist(() => wake(this.#job, until));
  }

  async #watched(): Promise<void> {
    const { store, persist, watch } = this.#bench;
    await persist(() => store.setJob(this.#job.id, { state: 'watching', words: 'its canary lives, and is watched' }));
    await persist(watch);
  }

  async #end(
    said: Ending,
    state: 'done' | 'failed' | 'expired' | 'cancelled' = said.exit === null || said.exit === 0 ? 'done' : 'failed',
  ): Promise<void> {
    await endJob(this.#job, said, state, this.#bench, this.#opened.clock.now());
  }

  #why(): string {
    const { notAfter } = this.#job;
    return notAfter === null
      ? 'no window opens for it any more'
      : `it was not to begin later than ${this.#time(notAfter)}`;
  }

  #time(instant: number): string {
    return timesText(instant, [this.#opened.inventory.time_zone, this.#opened.clock.zone()]);
  }
}

/** Nothing was changed: what is scheduled is tried again a few times. */
async function refused(job: Job, refusal: Refusal, bench: Bench, now: number): Promise<void> {
  const { id, schedule, tries } = job;
  const { store, persist, wake } = bench;
  const { exit, message } = refusal;
  if (schedule === null || exit !== 3 || tries + 1 >= TRIES)
    return endJob(job, { exit, words: message, refusal }, 'failed', bench, now);
  const words = `it is tried again: ${message}`;
  await persist(() => store.setJob(id, { state: 'waiting', words, tries: tries + 1 }, ['waiting', 'running']));
  await persist(() => wake(job, now + REFUSED_AGAIN * (tries + 1)));
  return undefined;
}

/** With `windows_on_close: finish` what was begun is brought to its end, also by another service after a window has closed. */
const RESUMED = 'the service goes on with what it has begun';

const WAITS = {
  due: (until: string) => `it is due ${until}`,
  lease: () => 'it waits: another command is at work, or was begun and not finished, or no balancer can be reached',
  window: (until: string) => `it waits for its window: ${until}`,
  person: () => 'it waits for a person: `orchestrate schedule approve`, or `continue` where it is paused',
} as const;

/** How a change is carried out where nobody sits before it. */
export interface Unattended {
  readonly before: Beside['before'];
  readonly stop: AbortSignal;
  readonly job?: string;
  readonly show: () => void;
  /** As typed: 10m. */
  readonly wait?: string;
}

/** Returns the exit code. Rejects with `Refusal`. */
export const carryOut = (
  opened: Opened,
  wanted: Change,
  { wait, ...options }: Unattended,
  seen?: FleetView,
): Promise<number> =>
  change(
    opened,
    wanted,
    { dryRun: false, yes: true, ...options, ...(wait === undefined ? {} : { wait: milliseconds(wait) }) },
    seen,
  );

/** Milliseconds. Throws `Refusal` (exit 2). */
function milliseconds(text: string): number {
  const read = duration.safeParse(text);
  if (read.success) return read.data;
  throw new Refusal(2, `wait ${text}: ${read.error.issues[0]?.message ?? 'is no time'}`, 'Write 30s, or 10m.');
}

/** The last word on a job: kept, told to those who follow it, and to what comes after it. `only`: where it is in one of these states. */
export async function endJob(
  job: Job,
  said: Ending,
  state: Job['state'],
  bench: Pick<Bench, 'store' | 'log' | 'ended' | 'persist'>,
  now: number,
  only: readonly Job['state'][] = ['waiting', 'running', 'watching'],
): Promise<void> {
  const { exit, words, refusal } = said;
  const last: JobChange = { state, exit, words, ended: now };
  const kept = await bench.persist(() => bench.store.setJob(job.id, last, only));
  if (kept === undefined) return;
  bench.log.tell(job.id, {
    at: new Date(now).toISOString(),
    type: 'ended',
    exit: exit ?? 0,
    ...(refusal === undefined
      ? {}
      : { refusal: { message: refusal.message, next: refusal.next, details: refusal.details } }),
  });
  await bench.ended(kept, said);
}
