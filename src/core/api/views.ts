import { z } from 'zod';
import type { Plan } from '../plan.ts';
import { SCOPES } from './token.ts';

/**
 * What a service answers about its own things: the one source for its types, for the OpenAPI document, and for the tests that hold answers
 * against it. Times are ISO 8601 in UTC. Later versions may have more in them.
 */

const time = z.iso.datetime();

/** `watching`: its canary lives, and is watched. */
const jobState = z.enum(['waiting', 'running', 'watching', 'done', 'failed', 'expired', 'cancelled']);

export const jobSchema = z
  .object({
    id: z.uuid(),
    schedule: z.int().nullable().describe('the schedule that it is of'),
    command: z.string().describe('as it would be typed'),
    by: z.string().describe('the token that asked for it'),
    due: time,
    state: jobState.describe('watching: its canary lives, and is watched'),
    exit: z.int().nullable().describe('the exit code that the command line would have'),
    words: z.string().nullable().describe('how it ended, or what it waits for'),
    commit: z.string().nullable().describe('what it brings, where that was fixed when it was asked for'),
    began: time.nullable(),
    ended: time.nullable(),
    number: z.int().nullable().describe('its number in `orchestrate history`'),
  })
  .meta({ id: 'Job', description: 'One thing to do, once.' });

export const scheduleSchema = z
  .object({
    number: z.int(),
    command: z.string().describe('as it would be typed'),
    by: z.string().describe('the token that asked for it'),
    made: time,
    when: z.string().describe('in words'),
    next: time.nullable(),
    state: z.enum(['live', 'paused', 'ended', 'cancelled']),
    needsApproval: z.boolean(),
    approvedBy: z.string().nullable().describe('who approved its next job'),
    last: jobSchema.nullable().describe('its newest job that has ended'),
    waits: z.string().nullable().describe('what its next job waits for'),
  })
  .meta({ id: 'Schedule', description: 'A roll or a canary for later, once or again and again.' });

export const schedulesJobsSchema = scheduleSchema
  .extend({ jobs: z.array(jobSchema).describe('newest first') })
  .meta({ id: 'ScheduleWithJobs', description: 'A schedule with its newest jobs.' });

const planSchema = z
  .looseObject({
    version: z.literal(1),
    app: z.string(),
    title: z.string(),
    phases: z.array(
      z.looseObject({
        name: z.string(),
        title: z.string(),
        tracks: z.array(
          z.looseObject({
            host: z.string(),
            steps: z.array(z.looseObject({ kind: z.string(), say: z.string(), deadline: z.number() })),
          }),
        ),
      }),
    ),
    notes: z.array(z.string()),
  })
  .meta({
    id: 'Plan',
    description: 'As `--dry-run --json` prints it: phases in order, tracks side by side, steps in order.',
  });

export const proposedSchema = z
  .object({
    lines: z.array(z.string()).describe('the plan in sentences'),
    plan: planSchema.nullable(),
    empty: z.boolean().describe('there is nothing to do'),
  })
  .meta({ id: 'Proposed', description: 'What an order would do.' });

export const tokenSchema = z
  .object({ name: z.string(), scope: z.enum(SCOPES), made: time, expires: time.nullable().describe('null: never') })
  .meta({ id: 'Token', description: 'A token, without what it is.' });

export const madeTokenSchema = z
  .object({
    name: z.string(),
    scope: z.enum(SCOPES),
    expires: time.optional(),
    token: z.string().describe('what it is: told this once'),
  })
  .meta({ id: 'MadeToken' });

export const removedSchema = z.object({ removed: z.string().describe('its name') });

export const healthSchema = z
  .object({
    ok: z.boolean(),
    words: z.string().describe('ok, or in plain words why not'),
    version: z.string().exactOptional().describe('with a token alone: the program’s'),
    details: z.string().exactOptional().describe('with a token alone: what the database said'),
  })
  .meta({ id: 'Health' });

export const problemSchema = z
  .object({
    error: z.object({
      exit: z.int().describe('the exit code that the command line would have'),
      message: z.string().describe('what is wrong'),
      next: z.string().describe('what to do'),
      details: z.array(z.string()),
    }),
  })
  .meta({ id: 'Problem', description: 'Why something was not done.' });

export type JobState = z.infer<typeof jobState>;
export type JobView = Readonly<z.infer<typeof jobSchema>>;
export type ScheduleView = Readonly<z.infer<typeof scheduleSchema>>;

export interface Proposed {
  readonly lines: readonly string[];
  readonly plan: Plan | null;
  readonly empty: boolean;
}
