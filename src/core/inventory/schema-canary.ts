import { z } from 'zod';
import { goalOf } from '../ab/goals.ts';
import * as value from './values.ts';

/** The part of the inventory's schema that says how a release is tried on some of the users first. */

const SHARE = 'must be a share in whole percent, such as 10%: 1% to 99%';

/** Percent of the users: `10%` is 10. */
const percent = z
  .string()
  .regex(/^[1-9][0-9]?%$/, SHARE)
  .transform((text) => Number(text.slice(0, -1)));

const HEADER = 'must be none, or { name: X-Canary, secret_file: PATH }';

/** Headers that mean something to Nginx or to every application: a secret in them would break both. */
const TAKEN =
  /^(?:host|cookie|authorization|connection|content-.*|transfer-encoding|accept.*|user-agent|referer|origin|range|if-.*|expect|upgrade|te|via|forwarded|x-forwarded-.*|x-real-ip|x-request-id|x-release-arm)$/i;

const header = z.union(
  [
    z.literal('none').transform(() => undefined),
    z.strictObject({
      name: z
        .string()
        .regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, 'must be the name of a header: letters, digits and -, such as X-Canary')
        .refine((name) => !TAKEN.test(name), 'is a header with a meaning of its own: choose another, such as X-Canary'),
      secret_file: value.localPath,
    }),
  ],
  HEADER,
);

const CHANCE = 'must be a share above 0% and below 100%, such as 1% or 0.5%';

/** A chance or a rate: `1%` is 0.01. */
const chance = z
  .string()
  .regex(/^[0-9]{1,2}(\.[0-9]{1,4})?%$/, CHANCE)
  .refine((text) => Number(text.slice(0, -1)) > 0, CHANCE)
  .transform((text) => Number(text.slice(0, -1)) / 100);

export const canary = z
  .strictObject({
    share: percent.prefault('10%').describe('How many of the users meet the new release.'),
    steps: z
      .array(percent)
      .max(20, 'must have at most 20 steps')
      .prefault([])
      .describe(
        'Shares to climb by, each judged for `hold`: [1%, 10%, 50%]. Where there are some, they stand for share.',
      ),
    hold: value.duration.prefault('30m').describe('How long a share is judged before it counts as good.'),
    sticky: z
      .enum(['cookie', 'address', 'none'])
      .prefault('cookie')
      .describe(
        'What keeps a user on one side. cookie: one of Nginx; address: of the client; none: each request anew.',
      ),
    header: header
      .prefault('none')
      .describe(
        'A request header by which whoever knows a secret chooses a side: { name: X-Canary, secret_file: … }, a file on this machine.',
      ),
    unwatched: z
      .enum(['abort', 'keep'])
      .prefault('abort')
      .describe('Nobody watches for 2 minutes. abort: the balancers send everybody back by themselves.'),
    promote: z
      .enum(['ask', 'auto'])
      .prefault('ask')
      .describe('What becomes of a canary that is found good. auto: all users meet it at once.'),
    false_alarms: chance
      .prefault('1%')
      .describe('The chance that a good release is called bad, however often one looks.'),
    max_error_rate: chance.prefault('1%').describe('A release that errs so often is not called good.'),
  })
  .describe('A release that some of the users meet first.');

/** What users come to: `POST ^/checkout/done`. Which text is a goal, goals.ts says. */
const goals = z.record(z.string(), z.string()).superRefine((read, context) => {
  if (Object.keys(read).length > 20) context.addIssue({ code: 'custom', message: 'must have at most 20 goals' });
  for (const [name, text] of Object.entries(read)) {
    const goal = goalOf(name, text);
    if ('problem' in goal) context.addIssue({ code: 'custom', path: [name], message: goal.problem });
  }
});

export const ab = z
  .strictObject({
    goals: goals
      .prefault({})
      .describe(
        'What users are to come to: a name, and a method and a pattern of the URL, as in `checkout: POST ^/checkout/done`.',
      ),
  })
  .describe('Two releases side by side as equals (`orchestrate ab`).');
