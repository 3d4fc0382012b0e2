import { z } from 'zod';
import { orderSchema } from '../api/order.ts';
import { duration } from '../inventory/values.ts';

/** What is asked for when something is to be scheduled, as it is sent to a service. What the times mean is found in due.ts and recurrence.ts. */

const words = z.string().min(1).max(300);
const length = z.string().max(20).pipe(duration);

export const scheduleWish = z
  .strictObject({
    order: orderSchema
      .refine(({ verb }) => verb === 'roll' || verb === 'canary', 'only a roll or a canary is scheduled')
      .refine(
        (order) => order.dryRun !== true && !('waitWindow' in order) && !('now' in order && order.now),
        'a scheduled one waits for its window by itself: neither dryRun, nor waitWindow, nor now',
      ),
    when: z.union([
      z.strictObject({ at: words.describe('tonight, now, or as in 2026-12-01T02:00') }),
      z.strictObject({ cron: words.describe('minute, hour, day, month, weekday: 0 2 * * tue') }),
    ]),
    timeZone: z.string().min(1).max(100).describe("of the tz database; default: the inventory's").exactOptional(),
    /** `made`: the commit that the ref names when it is asked for; `run`: when it runs. Default: made for one time, run for a recurrence. */
    commit: z.enum(['made', 'run']).exactOptional(),
    notAfter: length.describe('not started later than so long after it is due: 2h').exactOptional(),
    jitter: length.describe('put off by up to so long, always the same for one job: 10m').exactOptional(),
    needsApproval: z.boolean().exactOptional(),
  })
  .meta({ id: 'ScheduleWish', description: 'A roll or a canary, and when it is to be.' });

export type ScheduleWish = z.input<typeof scheduleWish>;
export type ReadWish = z.output<typeof scheduleWish>;
