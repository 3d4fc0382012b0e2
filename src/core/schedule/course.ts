import { verdictAt, type Rules } from '../windows.ts';

/** A job as it was asked for. Instants in milliseconds since the epoch. */
export interface Job {
  readonly id: string;
  readonly due: number;
  /** It is not started at this instant or later; null: it may be at any time. */
  readonly notAfter: number | null;
  readonly by: string;
  readonly needsApproval: boolean;
  readonly approvedBy: string | null;
  readonly stopped: 'paused' | 'cancelled' | null;
}

/** What the fleet says: its record and its lease know what was begun and what is done, whatever a queue believes. */
export interface Standing {
  /** Jobs that have come to their end. */
  readonly ended: ReadonlySet<string>;
  /** The job of what was begun and is not finished; undefined: nothing was; null: a person began it. */
  readonly begun: string | null | undefined;
  /** Somebody holds the lease, and it lives. */
  readonly leased: boolean;
}

export type Next =
  | { readonly kind: 'complete' | 'resume' | 'start' | 'expire' | 'drop' }
  /** `until`: look again then; null: nothing but a person's word changes it. */
  | { readonly kind: 'wait'; readonly until: number | null; readonly what: 'due' | 'lease' | 'window' | 'person' };

/** Milliseconds after which a lease, or what somebody has begun, is looked at again. */
const AGAIN = 10_000;

/**
 * What a job does now. It may be asked as often as one likes and by several at once: a job that has ended never starts again, what it has begun it
 * finishes, even if it was cancelled or is overdue meanwhile, and nothing is started beside a living lease.
 */
export function nextOf(job: Job, { ended, begun, leased }: Standing, rules: Rules, now: number): Next {
  if (ended.has(job.id)) return { kind: 'complete' };
  const mine = begun === job.id;
  if (!mine && job.stopped === 'cancelled') return { kind: 'drop' };
  if (!mine && job.notAfter !== null && now >= job.notAfter) return { kind: 'expire' };
  if (leased) return wait('lease', now + AGAIN, mine ? null : job.notAfter);
  if (mine) return { kind: 'resume' };
  if (now < job.due) return wait('due', job.due, job.notAfter);
  if (job.stopped === 'paused' || (job.needsApproval && job.approvedBy === null))
    return { kind: 'wait', what: 'person', until: job.notAfter };
  if (begun !== undefined) return wait('lease', now + AGAIN, job.notAfter);
  const verdict = verdictAt(rules, now);
  if (verdict.open) return { kind: 'start' };
  const opens = verdict.next?.opens ?? null;
  // No use in waiting: it is told now, and not when nobody looks any more.
  if (opens === null || (job.notAfter !== null && opens >= job.notAfter)) return { kind: 'expire' };
  return { kind: 'wait', what: 'window', until: opens };
}

const wait = (what: 'due' | 'lease', until: number, notAfter: number | null): Next => ({
  kind: 'wait',
  what,
  until: Math.min(until, notAfter ?? until),
});

/** Why somebody may not approve a job; undefined: they may. */
export function notApproved({ by, needsApproval, stopped }: Job, who: string): string | undefined {
  if (stopped === 'cancelled') return 'it is cancelled';
  if (!needsApproval) return 'it needs no approval';
  return who === by ? `${by} asked for it: somebody else is to approve it` : undefined;
}
