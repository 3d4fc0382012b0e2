import type { KeptToken } from '../core/api/token.ts';
import type { Order } from '../core/api/order.ts';
import type { Read } from '../core/api/reads.ts';
import type { StoredEvent } from '../core/api/told.ts';
import type { JobView, Proposed, ScheduleView } from '../core/api/views.ts';
import { Refusal } from '../core/failure.ts';

/** The service, as those who speak HTTP for it see it. Whatever can't be done is a `Refusal`. */
export interface Service {
  readonly app: string;
  readonly version: string;
  /** Newest first. `all`: ended ones too. */
  schedules(options: { readonly limit: number; readonly all: boolean }): Promise<readonly ScheduleView[]>;
  /** With its newest jobs. Rejects with `NotFound`. */
  schedule(number: number): Promise<ScheduleView & { readonly jobs: readonly JobView[] }>;
  /** `wish`: of core/schedule/wish.ts. Rejects with `Refusal` (exit 2) for what can't come true, (exit 3) where the fleet or the source can't be asked. */
  make(wish: unknown, by: string): Promise<ScheduleView>;
  cancel(number: number, by: string): Promise<ScheduleView>;
  /** Its next job, now. */
  runNow(number: number, by: string): Promise<ScheduleView>;
  pause(number: number, paused: boolean, by: string): Promise<ScheduleView>;
  /** Rejects with `Refusal` for whoever asked for it. */
  approve(number: number, by: string): Promise<ScheduleView>;
  /** What an order would do. Changes nothing. */
  plan(order: Order, by: string): Promise<Proposed>;
  /** An order at once, as a job. */
  start(order: Order, by: string): Promise<JobView>;
  /** Asks a job that runs, whichever service performs it, to stop, as Ctrl-C does; one that waits is cancelled. Rejects with `Refusal` for one whose canary is watched. */
  stop(id: string, by: string): Promise<JobView>;
  jobs(options: { readonly limit: number }): Promise<readonly JobView[]>;
  /** Rejects with `NotFound`. */
  job(id: string): Promise<JobView>;
  /** Events with a higher id than `after`, then those to come, until the signal; `after` undefined: from now on. Of one job: until its last. */
  events(after: number | undefined, job: string | undefined, signal: AbortSignal): AsyncIterable<StoredEvent>;
  readonly tokens: TokenStore;
  /** What `orchestrate WHAT --json` prints. */
  read(what: Read): Promise<unknown>;
  /** `details`: a driver's own words, which are for who may know addresses and names. Does not reject. */
  health(): Promise<{ readonly ok: boolean; readonly words: string; readonly details?: string }>;
  figures(): Promise<Figures>;
}

export interface TokenStore {
  list(): Promise<readonly KeptToken[]>;
  /** Keeps one where there is none yet: of several services that try at once one does. Returns whether it did. */
  first(token: KeptToken): Promise<boolean>;
  put(token: KeptToken): Promise<void>;
  /** By name; whether there was one. */
  remove(name: string): Promise<boolean>;
}

export interface Figures {
  readonly rolls: { readonly done: number; readonly failed: number };
  readonly lastRollSeconds: number | null;
  readonly rollSecondsSum: number;
  readonly queued: number;
  readonly running: number;
  /** Of the oldest job that is due and waits. */
  readonly queueAgeSeconds: number;
  readonly inRotation: number | null;
  readonly outOfRotation: number | null;
}

/** There is no such schedule or job. */
export class NotFound extends Refusal {
  constructor(what: string, next: string) {
    super(2, `There is no ${what}.`, next);
  }
}
