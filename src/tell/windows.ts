import type { Calendar, Listed, Moment } from '../core/window-calendar.ts';
import { lengthText } from '../core/window-words.ts';
import { clean, table } from './words.ts';

/** `windows` for people: what is so now, then what opens and what is frozen, in the fleet's zone and in the reader's. */
export function windowsLines(calendar: Calendar): string[] {
  const { app, open, why, limited, days, zones, later } = calendar;
  if (!limited)
    return [`${app}: a release may be rolled at any time: the inventory has no windows and no freezes.`].map(clean);
  const two = zones.fleet !== zones.reader;
  const rows = [
    ...calendar.openings.map((each) => ({
      from: each.from.at,
      cells: ['open', ...cells(each, two), each.windows.join(', ')],
    })),
    ...calendar.freezes.map((each) => ({
      from: each.from.at,
      cells: ['FROZEN', ...cells(each, two), each.reason ?? ''],
    })),
  ].toSorted((a, b) => (a.from < b.from ? -1 : 1));
  const head = [
    '',
    `FROM (${zones.fleet})`,
    'TO',
    'LONG',
    ...(two ? [`FROM (${zones.reader})`, 'TO'] : ['', '']),
    'WHY',
  ];
  const none =
    later === null ? 'nothing opens any more' : `the next opening is ${shown(later.from.fleet)} ${zones.fleet}`;
  return [
    `${app}: a release may ${open ? '' : 'not '}be rolled now: ${why}.`,
    ...(calendar.openings.length > 0 ? [] : [`Nothing opens in the next ${days} days: ${none}.`]),
    ...(rows.length === 0
      ? []
      : ['', `The next ${days} days:`, ...table([head, ...rows.map((row) => row.cells)].map((row) => row.map(clean)))]),
  ].map(clean);
}

function cells({ from, to }: Pick<Listed, 'from' | 'to'>, two: boolean): string[] {
  const ends = (of: 'fleet' | 'reader'): string => (to === null ? 'no end' : shown(to[of]));
  const long = to === null ? '' : lengthText(Date.parse(to.at) - Date.parse(from.at), Math.floor);
  return [shown(from.fleet), ends('fleet'), long, ...(two ? [shown(from.reader), ends('reader')] : ['', ''])];
}

/** `Tue 2026-11-24 02:00` */
function shown(iso: Moment['fleet']): string {
  const day = new Date(`${iso.slice(0, 19)}Z`).toLocaleDateString('en', { weekday: 'short', timeZone: 'UTC' });
  return `${day} ${iso.slice(0, 10)} ${iso.slice(11, 16)}`;
}
