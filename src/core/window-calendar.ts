import type { Inventory } from './inventory.ts';
import { shutText, openText, windowText, type Zones } from './window-words.ts';
import { nextOpening, openings, verdictAt } from './windows.ts';
import { wallAt } from './zone.ts';

/** When a release may be rolled, for `orchestrate windows`. */
export interface Calendar {
  readonly app: string;
  readonly zones: { readonly fleet: string; readonly reader: string };
  readonly now: Moment;
  /** Whether it may be rolled now, and by what or why not. */
  readonly open: boolean;
  readonly why: string;
  /** Whether there are windows or freezes at all. */
  readonly limited: boolean;
  readonly days: number;
  /** Those of the next days, in order. */
  readonly openings: readonly Listed[];
  /** The first one after these days; null: there is one among them, or none at all. */
  readonly later: Listed | null;
  /** Those that touch these days. */
  readonly freezes: readonly { readonly from: Moment; readonly to: Moment; readonly reason: string | null }[];
}

export interface Listed {
  readonly from: Moment;
  /** null: nothing that is known ends it. */
  readonly to: Moment | null;
  readonly windows: readonly string[];
}

/** An instant: in UTC, and as clocks show it, all in ISO 8601. */
export interface Moment {
  readonly at: string;
  readonly fleet: string;
  readonly reader: string;
}

const DAYS = 14;

/** @param now milliseconds since the epoch; @param reader the zone of whoever reads it */
export function calendarOf(inventory: Inventory, now: number, reader: string): Calendar {
  const zones: Zones = [inventory.time_zone, reader];
  const end = now + DAYS * 24 * 3_600_000;
  const moment = (at: number): Moment => ({
    at: new Date(at).toISOString(),
    fleet: isoIn(zones[0], at),
    reader: isoIn(zones[1], at),
  });
  const listed = ({ opens, closes, windows }: ReturnType<typeof openings>[number]): Listed => ({
    from: moment(opens),
    to: closes === null ? null : moment(closes),
    windows: windows.map(windowText),
  });
  const verdict = verdictAt(inventory, now);
  const soon = openings(inventory, now, end).map(listed);
  const later = soon.length > 0 ? null : nextOpening(inventory, end);
  return {
    app: inventory.app,
    zones: { fleet: zones[0], reader: zones[1] },
    now: moment(now),
    open: verdict.open,
    why: verdict.open ? openText(verdict.opening, zones) : shutText(verdict, zones),
    limited: inventory.windows.length > 0 || inventory.freezes.length > 0,
    days: DAYS,
    openings: soon,
    later: later === null ? null : listed(later),
    freezes: inventory.freezes
      .filter(({ from, to }) => from < end && to > now)
      .toSorted((a, b) => a.from - b.from)
      .map(({ from, to, reason = null }) => ({ from: moment(from), to: moment(to), reason })),
  };
}

/** `2026-11-24T02:00:00+01:00` */
function isoIn(zone: string, instant: number): string {
  const wall = wallAt(zone, instant);
  const offset = Math.round((wall - instant) / 60_000);
  const pad = (value: number): string => String(value).padStart(2, '0');
  const away = Math.abs(offset);
  return `${new Date(wall).toISOString().slice(0, 19)}${offset < 0 ? '-' : '+'}${pad(Math.floor(away / 60))}:${pad(away % 60)}`;
}
