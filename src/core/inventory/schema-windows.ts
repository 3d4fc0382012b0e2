import { z } from 'zod';
import * as time from './times.ts';
import * as value from './values.ts';

/** The sections that say when a roll may start. */

export const timeZone = time.zone
  .prefault('UTC')
  .describe('Of windows and freezes that name none, and the one in which they are told.');

export const windowsOnClose = z
  .enum(['finish', 'halt', 'rollback'])
  .prefault('finish')
  .describe(
    'When no window is open any more, or a freeze begins, between two batches. finish: on with it; halt: no further batch; rollback: back to the release before.',
  );

const window = z
  .strictObject({
    days: time.days.prefault('mon-sun').describe('On which it opens: mon-thu, or sat,sun; default: every day.'),
    from: time.opensAt.describe('The time of day at which it opens: "02:00".'),
    to: time.closesAt.describe('At which it closes; not behind `from`: on the day after. "24:00": the end of the day.'),
    time_zone: z.exactOptional(time.zone).describe('Where these times are; default: time_zone.'),
  })
  .check((context) => {
    if (context.value.from === context.value.to)
      context.issues.push({
        code: 'custom',
        path: ['to'],
        message: 'is the same as from, so that it never opens; a whole day is from "00:00" to "24:00"',
        input: context.value,
      });
  });

export const windows = z
  .array(window, 'must be a list of windows, each with from and to')
  .describe('When a roll may start, and go on with a batch. None: at any time.');

const freeze = z
  .strictObject({
    from: time.dateOrTime.describe('A date, or a date with a time (2026-12-20T18:00).'),
    to: time.dateOrTime.describe('A date, which is in it, or a date with a time, which is not.'),
    time_zone: z.exactOptional(time.zone).describe('Where these times are; default: time_zone.'),
    reason: z.exactOptional(value.reason).describe('What those are told who are refused.'),
  })
  .check((context) => {
    if (!time.inOrder(context.value))
      context.issues.push({ code: 'custom', path: ['to'], message: 'is before it begins', input: context.value });
  });

export const freezes = z
  .array(freeze, 'must be a list of freezes, each with from and to')
  .describe('When nothing may start, whatever window is open.');
