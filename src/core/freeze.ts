import type { Span } from './window.ts';
import { firstTime, lastTime } from './zone.ts';

/** A time in which nothing may start, whatever window is open. Instants in milliseconds since the epoch. */
export interface Freeze extends Span {
  readonly reason?: string;
}

const DAY = 24 * 3_600_000;

/**
 * The freeze from and to what somebody wrote: dates (2026-12-20; the last one is in it) or times (2026-12-20T18:00; the last one is not).
 * Where an hour comes twice, it begins with the first and ends with the second.
 */
export const freezeOf = (from: string, to: string, zone: string): Span => ({
  from: firstTime(zone, begins(from)),
  to: lastTime(zone, ends(to)),
});

/** What the wall shows when a freeze begins, as `zone.ts` counts it. */
export const begins = (text: string): number => Date.parse(text.length > 10 ? `${text}Z` : `${text}T00:00Z`);

/** And when it ends. */
export const ends = (text: string): number => begins(text) + (text.length > 10 ? 0 : DAY);
