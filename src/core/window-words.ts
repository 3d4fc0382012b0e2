import type { Estimate } from './estimate.ts';
import type { Freeze } from './freeze.ts';
import { DAYS, type Day, type Window } from './window.ts';
import type { Opening, Verdict } from './windows.ts';
import { wallAt } from './zone.ts';

/** Windows, freezes and instants in words, in the zones of those who are told: the fleet's first, then the reader's own. */

/** The zones in which an instant is told. */
export type Zones = readonly [fleet: string, reader: string];

const MINUTE = 60_000;

/** `mon-thu 02:00 to 05:00 (Europe/Berlin)` */
export const windowText = ({ days, from, to, time_zone }: Window): string =>
  `${daysText(days)} ${clock(from)} to ${clock(to)} (${time_zone})`;

const clock = (minutes: number): string =>
  `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;

/** `mon-thu,sat`: three and more that follow each other as a range. */
function daysText(days: readonly Day[]): string {
  const runs: Day[][] = [];
  for (const [at, day] of DAYS.entries())
    if (days.includes(day)) {
      const before = DAYS[at - 1];
      if (before !== undefined && days.includes(before)) runs.at(-1)?.push(day);
      else runs.push([day]);
    }
  return runs.map((run) => (run.length > 2 ? `${run[0] ?? ''}-${run.at(-1) ?? ''}` : run.join(','))).join(',');
}

/** `Tue 2026-11-24 02:00` */
function timeText(instant: number, zone: string): string {
  const wall = new Date(wallAt(zone, instant));
  const day = wall.toLocaleDateString('en', { weekday: 'short', timeZone: 'UTC' });
  return `${day} ${wall.toISOString().slice(0, 16).replace('T', ' ')}`;
}

/** `Tue 2026-11-24 02:00 Europe/Berlin (Mon 2026-11-23 20:00 America/New_York)`; once where both clocks show the same. */
export function timesText(instant: number, [fleet, reader]: Zones): string {
  const own = timeText(instant, fleet);
  const theirs = timeText(instant, reader);
  return `${own} ${fleet}${theirs === own ? '' : ` (${theirs} ${reader})`}`;
}

/** `40 seconds`, `14 minutes`, `3 h 5 min`, `4 days`, rounded up where nothing else is said. */
export function lengthText(ms: number, round: (value: number) => number = Math.ceil): string {
  if (ms < MINUTE) return count(round(ms / 1000), 'second');
  const minutes = round(ms / MINUTE);
  if (minutes < 120) return count(minutes, 'minute');
  const hours = Math.floor(minutes / 60);
  if (hours < 72) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return count(round(ms / (24 * 60 * MINUTE)), 'day');
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;

/** Why nothing may start. */
export const shutText = ({ freeze }: Extract<Verdict, { open: false }>, zones: Zones): string =>
  freeze === null ? 'no window is open' : `${freezeText(freeze)} holds until ${timesText(freeze.to, zones)}`;

const freezeText = ({ reason }: Freeze): string => (reason === undefined ? 'a freeze' : `the freeze (${reason})`);

/** When it opens, for how long, and why. */
export function openingText({ opens, closes, windows }: Opening, zones: Zones): string {
  const long = closes === null ? '' : `, for ${lengthText(closes - opens, Math.floor)}`;
  return `the next opening is ${timesText(opens, zones)}${long}${windows.length === 0 ? '' : `: ${named(windows)}`}`;
}

/** What is open, and until when. */
export function openText({ windows, closes, freeze }: Opening, zones: Zones): string {
  const what = windows.length === 0 ? 'it is open' : `${named(windows)} ${windows.length === 1 ? 'is' : 'are'} open`;
  const end = freeze === null ? '' : `, when ${freezeText(freeze)} begins`;
  return `${what}${closes === null ? '' : ` until ${timesText(closes, zones)}${end}`}`;
}

const named = (windows: readonly Window[]): string => windows.map(windowText).join(', ');

/** `about 14 minutes`, `at least 20 minutes` */
export const estimateText = ({ ms, least }: Estimate): string => `${least ? 'at least' : 'about'} ${lengthText(ms)}`;
