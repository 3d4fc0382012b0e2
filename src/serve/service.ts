import type { KeptToken } from '../core/api/token.ts';
import type { Order } from '../core/api/order.ts';
import type { Event } from '../core/event.ts';
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
  /** Asks a job that runs to stop, as Ctrl-C does; one that waits is cancelled. */
  stop(id: string, by: string): Promise<JobView>;
  jobs(options: { readonly limit: number }): Promise<readonly JobView[]>;
  /** Rejects with `NotFound`. */
  job(id: string): Promise<JobView>;
  /** Events with a higher id than `after`, then those to come, until the signal; `after` undefined: from now on. Of one job: until its last. */
  events(after: number | undefined, job: string | undefined, signal: AbortSignal): AsyncIterable<StoredEvent>;
  readonly tokens: TokenStore;
  /** What `orchestrate WHAT --json` prints. */
  read(what: 'status' | 'history' | 'windows' | 'releases'): Promise<unknown>;
  health(): Promise<{ readonly ok: boolean; readonly words: string }>;
  figures(): Promise<Figures>;
}

export interface Proposed {
  readonly lines: readonly string[];
  readonly plan: unknown;
  readonly empty: boolean;
}

/** What ends the events of a job. */
export interface JobEnd {
  readonly at: string;
  readonly type: 'ended';
  readonly exit: number;
  /** Why nothing was changed, where that is so. */
  readonly refusal?: { readonly message: string; readonly next: string; readonly details: readonly string[] };
}

export interface StoredEvent {
  readonly id: number;
  readonly job: string;
  readonly event: Event | JobEnd;
}

export interface ScheduleView {
  readonly number: number;
  /** As it would be typed. */
  readonly command: string;
  readonly by: string;
  /** ISO 8601, as all times here. */
  readonly made: string;
  /** In words. */
  readonly when: string;
  readonly next: string | null;
  readonly state: 'live' | 'paused' | 'ended' | 'cancelled';
  readonly needsApproval: boolean;
  /** Of the next job. */
  readonly approvedBy: string | null;
  readonly last: JobView | null;
  /** What the next job waits for. */
  readonly waits: string | null;
}

/** `watching`: its canary lives, and is watched. */
export type JobState = 'waiting' | 'running' | 'watching' | 'done' | 'failed' | 'expired' | 'cancelled';

export interface JobView {
  readonly id: string;
  readonly schedule: number | null;
  readonly command: string;
  readonly by: string;
  readonly due: string;
  readonly state: JobState;
  readonly exit: number | null;
  /** How it ended, or what it waits for. */
  readonly words: string | null;
  readonly commit: string | null;
  readonly began: string | null;
  readonly ended: string | null;
  /** Of the fleet's history. */
  readonly number: number | null;
}

export interface TokenStore {
  list(): Promise<readonly KeptToken[]>;
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
