import { z } from 'zod';
import { begins, ends } from '../freeze.ts';
import { DAYS, type Day } from '../window.ts';
import { isZone } from '../zone.ts';
import { nearest } from './nearest.ts';
import { quoted } from './problem.ts';

/** The kinds of value that say when something may be done. */

export const zone = z.string().check((context) => {
  const { value } = context;
  if (isZone(value)) return;
  const meant = zoneMeant(value);
  context.issues.push({
    code: 'custom',
    message: `must be a time zone such as Europe/Berlin or UTC, not ${quoted(value)}${meant === undefined ? '' : `; did you mean ${meant}?`}`,
    input: value,
  });
});

/** The zone of a city alone, or the one that is written nearly so. */
function zoneMeant(name: string): string | undefined {
  const known = Intl.supportedValuesOf('timeZone');
  const city = name.toLowerCase().replaceAll(' ', '_');
  return known.find((each) => each.toLowerCase().endsWith(`/${city}`)) ?? nearest(name, known);
}

const timeOfDay = (pattern: RegExp, message: string) =>
  z
    .string()
    .regex(pattern, message)
    .transform((text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3)));

/** `02:00`, to minutes since midnight. */
export const opensAt = timeOfDay(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day from "00:00" to "23:59"');
export const closesAt = timeOfDay(
  /^(([01]\d|2[0-3]):[0-5]\d|24:00)$/,
  'must be a time of day from "00:00" to "24:00", which is the end of the day',
);

const DAYS_RULE = `must be days such as mon-thu, or sat,sun, of ${DAYS.join(', ')}`;

/** `mon-thu,sat`, to the days in the week's order. A range may pass the week's end: fri-mon. */
export const days = z
  .union([z.string(), z.array(z.string())], { error: DAYS_RULE })
  .transform((written, context): Day[] => {
    const text = typeof written === 'string' ? written : written.join(',');
    const found = new Set(text.split(',').flatMap((part) => daysIn(part.trim()) ?? ['none' as const]));
    if (!found.has('none')) return DAYS.filter((day) => found.has(day));
    context.issues.push({
      code: 'custom',
      message:
        text.trim() === ''
          ? `has no day, so that it never opens; ${DAYS_RULE}`
          : `${DAYS_RULE}, not ${quoted(written)}`,
      input: written,
    });
    return z.NEVER;
  });

function daysIn(part: string): Day[] | undefined {
  const [first, last = first, ...more] = part.split('-').map((day) => DAYS.findIndex((known) => known === day));
  if (first === undefined || last === undefined || first < 0 || last < 0 || more.length > 0) return undefined;
  const length = ((last - first + DAYS.length) % DAYS.length) + 1;
  return Array.from({ length }, (_, at) => DAYS[(first + at) % DAYS.length] ?? 'mon');
}

/** A date, or a date with a time of day; the blank between them is a T. */
export const dateOrTime = z
  .string()
  .regex(
    /^\d{4}-\d{2}-\d{2}([T ]([01]\d|2[0-3]):[0-5]\d)?$/,
    'must be a date such as 2026-12-20, or with a time: 2026-12-20T18:00',
  )
  .transform((text) => text.replace(' ', 'T'))
  .refine(isDay, 'is a day that the calendar does not have');

function isDay(text: string): boolean {
  const at = begins(text);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

/** Whether there is any time between what somebody wrote. */
export const inOrder = ({ from, to }: { readonly from: string; readonly to: string }): boolean =>
  ends(to) > begins(from);
