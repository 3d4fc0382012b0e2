import { nextOpening, type Rules } from '../windows.ts';
import { firstTime, wallAt } from '../zone.ts';

/** An instant in milliseconds since the epoch, or why there is none: a sentence for people. */
export type Due = { readonly due: number } | { readonly problem: string };

const WRITTEN = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2})(:\d{2})?(Z|[+-]\d{2}:\d{2})?$/;

/**
 * When something is due that is asked for once: `tonight` is the next opening (now, while one is open); a time without an offset is one on
 * the wall of `zone`, where a time that comes twice is the first. Never throws.
 */
export function readDue(text: string, rules: Rules, zone: string, now: number): Due {
  if (text === 'tonight') return opening(rules, now);
  const [, minute, second = ':00', offset] = WRITTEN.exec(text) ?? [];
  if (minute === undefined) return { problem: `${text} is no time: tonight, or as in 2026-12-01T02:00` };
  const wall = Date.parse(`${minute}${second}Z`);
  if (Number.isNaN(wall) || !new Date(wall).toISOString().startsWith(`${minute}${second}`))
    return { problem: `${text} is in no calendar` };
  const due = offset === undefined ? firstTime(zone, wall) : Date.parse(text);
  if (Number.isNaN(due)) return { problem: `${text} is in no calendar` };
  if (offset === undefined && wallAt(zone, due) !== wall)
    return { problem: `${text} is skipped in ${zone}: the clock is put forward then` };
  return due < now ? { problem: `${text} has passed` } : { due };
}

function opening(rules: Rules, now: number): Due {
  if (rules.windows.length === 0)
    return { problem: 'tonight is the next window, and the inventory has none: write windows there, or give a time' };
  const next = nextOpening(rules, now);
  return next === null ? { problem: 'no window opens any more: tonight never comes' } : { due: next.opens };
}
