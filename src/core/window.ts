import { firstTime, wallAt } from './zone.ts';

export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Day = (typeof DAYS)[number];

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** A time that comes again every week, in which rolls may start. */
export interface Window {
  /** In the week's order, at least one. A window that passes midnight belongs to the day on which it opens. */
  readonly days: readonly Day[];
  /** Minutes since midnight. `to` is never `from`; one that is not behind it is on the day after. 1440 is the day's end. */
  readonly from: number;
  readonly to: number;
  /** As in the tz database. */
  readonly time_zone: string;
}

/** A time between two instants, milliseconds since the epoch: `from` is in it, `to` is not. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** More days than any window stays closed: one a week, whose only hour is skipped when the clock changes. */
const FARTHEST = 16;

/**
 * The first time that a window is open and that has not ended by an instant: the one that holds the instant, or else the next one.
 *
 * It opens the first time that the clock on the wall shows `from` or a later time, and closes the first time that it shows `to` or a
 * later one. So where an hour is skipped, a window that begins within it opens when the clock jumps, one that ends within it closes then,
 * and one that lies within it does not open that day. Where an hour comes twice, the window opens once, and its end is the first one.
 */
export function nextSpan(window: Window, after: number): Span | undefined {
  const today = Math.floor(wallAt(window.time_zone, after) / DAY);
  // From yesterday, since it may pass midnight; to one day more, since a clock may be set back behind midnight.
  for (let day = today - 1; day <= today + FARTHEST; day += 1) {
    if (!window.days.includes(weekday(day))) continue;
    const ends = day * DAY + window.to * MINUTE + (window.to > window.from ? 0 : DAY);
    const to = firstTime(window.time_zone, ends);
    if (to <= after) continue;
    const from = firstTime(window.time_zone, day * DAY + window.from * MINUTE);
    if (from < to) return { from, to };
  }
  return undefined;
}

/** Of a day counted from the epoch's, which was a Thursday. */
const weekday = (day: number): Day => DAYS[(((day + 3) % 7) + 7) % 7] ?? 'mon';
