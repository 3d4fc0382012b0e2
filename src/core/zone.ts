import { Temporal } from 'temporal-polyfill';

/**
 * Time zones, as a clock on the wall there shows them. A wall's time is a number too: the milliseconds since the epoch at which a clock
 * in UTC would show the same. Instants are milliseconds since the epoch.
 */

const HOUR = 3_600_000;
/** No clock is farther from UTC, a skipped day included. */
const FARTHEST = 26 * HOUR;

/** A time in which a zone's clock runs evenly. */
interface Stretch {
  /** Instants: `from` is in it, `to` is not. */
  readonly from: number;
  readonly to: number;
  /** What the wall shows less the instant. */
  readonly offset: number;
}

/** What was asked for by now, by zone: it never changes, and asking takes long. */
const known = new Map<string, Stretch[]>();

function stretchAt(zone: string, instant: number): Stretch {
  const stretches = known.get(zone) ?? [];
  const found = stretches.find(({ from, to }) => from <= instant && instant < to);
  if (found !== undefined) return found;
  const at = Temporal.Instant.fromEpochMilliseconds(Math.floor(instant)).toZonedDateTimeISO(zone);
  const stretch = {
    // One that begins now is none that comes before.
    from: at.add({ nanoseconds: 1 }).getTimeZoneTransition('previous')?.epochMilliseconds ?? -Infinity,
    to: at.getTimeZoneTransition('next')?.epochMilliseconds ?? Infinity,
    offset: at.offsetNanoseconds / 1e6,
  };
  known.set(zone, [...stretches, stretch]);
  return stretch;
}

/** What the wall shows at an instant. */
export const wallAt = (zone: string, instant: number): number => instant + stretchAt(zone, instant).offset;

/** The first instant at which the wall shows a time or a later one: a time that is skipped comes when it is skipped. */
export function firstTime(zone: string, wall: number): number {
  for (let stretch = stretchAt(zone, wall - FARTHEST); ; stretch = stretchAt(zone, stretch.to)) {
    const instant = Math.max(stretch.from, wall - stretch.offset);
    if (instant < stretch.to) return instant;
  }
}

/** The instant from which on the wall never shows an earlier time again. */
export function lastTime(zone: string, wall: number): number {
  for (let stretch = stretchAt(zone, wall + FARTHEST); ; stretch = stretchAt(zone, stretch.from - 1))
    if (stretch.from + stretch.offset < wall) return Math.min(stretch.to, wall - stretch.offset);
}

/** Whether the name is one of the tz database. An offset such as +02:00 is none: it knows no summer time. */
export function isZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
