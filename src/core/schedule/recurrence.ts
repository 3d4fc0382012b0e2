import { Cron } from 'croner';
import { isZone } from '../zone.ts';

/** A time that comes again and again: five fields of cron, as a clock on the wall of a zone shows them. */
export interface Recurrence {
  readonly cron: string;
  /** Of the tz database. */
  readonly zone: string;
}

/** Reads a recurrence; `problem` is a sentence for people. `now`: an instant; one that never comes after it is none. Never throws. */
export function readRecurrence(
  cron: string,
  zone: string,
  now: number,
): { readonly recurrence: Recurrence } | { readonly problem: string } {
  if (!isZone(zone)) return { problem: `${zone} is no time zone of the tz database; Europe/Berlin is one` };
  const recurrence = { cron, zone };
  try {
    if (nextDue(recurrence, now) !== null) return { recurrence };
    return { problem: `${cron} never comes` };
  } catch {
    return {
      problem: `${cron} is no cron expression: minute, hour, day, month, weekday, as in 0 2 * * tue`,
    };
  }
}

/**
 * The first instant after another at which it is due; null: none comes any more. A time of day that a clock skips comes when it is skipped,
 * one that comes twice is due once.
 */
export const nextDue = ({ cron, zone }: Recurrence, after: number): number | null =>
  new Cron(cron, { timezone: zone, mode: '5-part' }).nextRun(new Date(after))?.getTime() ?? null;
