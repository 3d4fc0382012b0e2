import { randomUUID } from 'node:crypto';
import { orderText, type Order } from '../core/api/order.ts';
import { Refusal } from '../core/failure.ts';
import type { Inventory } from '../core/inventory.ts';
import { readDue } from '../core/schedule/due.ts';
import { jitterOf, jobId } from '../core/schedule/job-id.ts';
import { nextDue, readRecurrence } from '../core/schedule/recurrence.ts';
import type { ReadWish } from '../core/schedule/wish.ts';
import { longEnough, nextOpening } from '../core/windows.ts';
import { isZone } from '../core/zone.ts';
import type { NewJob, Schedule } from './store.ts';

/** Schedules and the jobs that they make: the same schedule and instant give the same job, whoever makes it. Pure, but for the id of a new one. */

/** A new schedule and its first job. `commit`: of what it is to bring, where that is fixed now. Throws `Refusal` (exit 2). */
export function scheduled(
  wish: ReadWish,
  {
    inventory,
    by,
    now,
    commit,
  }: { readonly inventory: Inventory; readonly by: string; readonly now: number; readonly commit: string | null },
): { readonly schedule: Omit<Schedule, 'number'>; readonly first: Omit<NewJob, 'schedule'> } {
  const zone = wish.timeZone ?? inventory.time_zone;
  if (!isZone(zone)) throw refused(`${zone} is no time zone of the tz database`, 'Give one as Europe/Berlin.');
  const id = randomUUID();
  const due = firstDue(wish, inventory, zone, now);
  // A recurrence whose commit is fixed brings that one each time.
  const kept = commit !== null && 'cron' in wish.when ? { ...wish, order: pinned(wish.order, commit) } : wish;
  const schedule = { id, wish: kept, zone, by, made: now, state: 'live' } as const;
  const first = jobAt({ ...schedule, number: 0 }, due, now, commit);
  if (first.notAfter !== null && opensBy(inventory, first.due, first.notAfter) === null)
    throw refused(
      `No window opens between the time it is due and ${new Date(first.notAfter).toISOString()}, after which it is not to begin`,
      'Give another time, or a longer --not-after; `orchestrate windows` lists what opens.',
    );
  return { schedule, first };
}

function firstDue(wish: ReadWish, inventory: Inventory, zone: string, now: number): number {
  if ('cron' in wish.when) {
    const { cron } = wish.when;
    const read = readRecurrence(cron, zone, now);
    if ('problem' in read)
      throw refused(read.problem, 'Five fields, as in --cron "0 2 * * tue" --time-zone Europe/Berlin.');
    const due = nextDue(read.recurrence, now);
    if (due === null) throw refused(`${cron} never comes`, 'Give one that does.');
    neverOpen(inventory, now);
    return due;
  }
  const read = wish.when.at === 'now' ? { due: now } : readDue(wish.when.at, inventory, zone, now);
  if ('problem' in read)
    throw refused(
      read.problem,
      'Give --at tonight, --at 2026-12-01T02:00, or --cron "0 2 * * tue"; `orchestrate windows` lists what opens.',
    );
  neverOpen(inventory, read.due);
  return read.due;
}

function neverOpen(inventory: Inventory, from: number): void {
  if (nextOpening(inventory, from) === null)
    throw refused(
      'No window opens any more from then on: it would never begin',
      'Mend windows and freezes in the inventory.',
    );
}

const opensBy = (inventory: Inventory, from: number, to: number): number | null =>
  longEnough(inventory, from, to, 1)?.opens ?? null;

/** The next job of a recurrence, after one of the instant `after`; null: it has none any more. What was missed meanwhile is left out. */
export function nextJob(schedule: Schedule, after: number, now: number): Omit<NewJob, 'schedule'> | null {
  const { when } = schedule.wish;
  if (!('cron' in when)) return null;
  const due = nextDue({ cron: when.cron, zone: schedule.zone }, Math.max(after, now));
  return due === null ? null : jobAt(schedule, due, now, null);
}

function jobAt(schedule: Schedule, instant: number, now: number, commit: string | null): Omit<NewJob, 'schedule'> {
  const { wish, by } = schedule;
  const id = jobId(schedule.id, instant);
  const due = instant + jitterOf(id, wish.jitter ?? 0);
  return {
    id,
    order: commit === null ? wish.order : pinned(wish.order, commit),
    command: orderText(wish.order),
    by,
    made: now,
    instant,
    due,
    notAfter: wish.notAfter === undefined ? null : due + wish.notAfter,
    needsApproval: wish.needsApproval === true,
    commit,
  };
}

const pinned = (order: Order, commit: string): Order =>
  'ref' in order || order.verb === 'roll' || order.verb === 'canary' ? { ...order, ref: commit } : order;

/** Whether a schedule's commit is fixed when it is made. */
export const pinsCommit = ({ when, commit }: ReadWish): boolean =>
  (commit ?? ('cron' in when ? 'run' : 'made')) === 'made';

/** `0 2 * * tue (Europe/Berlin)`, or when it was asked for. */
export const whenText = ({ wish: { when }, zone }: Pick<Schedule, 'wish' | 'zone'>): string =>
  'cron' in when
    ? `${when.cron} (${zone})`
    : when.at === 'now' || when.at === 'tonight'
      ? when.at
      : `${when.at} (${zone})`;

const refused = (message: string, next: string): Refusal => new Refusal(2, `${message}.`, next);
