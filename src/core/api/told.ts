import { z } from 'zod';
import type { Event, Summary } from '../event.ts';
import type { Failure } from '../failure.ts';
import type { Because, Reading } from '../verdict/reading.ts';

/** What a service tells as it happens: the events of jobs, each with its id in one order. */

const at = { at: z.string().describe('ISO 8601, UTC') };
const names = z.array(z.string());
const maybe = <T extends z.ZodType>(schema: T): z.ZodExactOptional<T> => schema.exactOptional();

const failure = z
  .object({
    host: z.string(),
    doing: z.string(),
    what: z.string(),
    output: names.describe('the end of what was printed'),
    next: z.string().describe('what to do'),
  })
  .meta({ id: 'Failure', description: 'Why a step failed.' }) satisfies z.ZodType<Failure>;

const summary = z
  .object({
    sentence: z.string(),
    hosts: z.array(
      z.object({
        host: z.string(),
        release: z.string().nullable(),
        rotation: z.enum(['in', 'out', 'unknown']),
        out: z.number().describe('milliseconds out of rotation'),
        note: maybe(z.string()),
      }),
    ),
    took: z.number().describe('milliseconds'),
    reloads: z.int(),
  })
  .meta({ id: 'Summary' }) satisfies z.ZodType<Summary>;

const because = z
  .discriminatedUnion('kind', [
    z.object({
      kind: z.literal('worse'),
      by: z.enum(['errors', 'tail', 'rank']),
      t: z.number(),
      canaryRequests: z.number(),
    }),
    z.object({ kind: z.literal('hosts differ'), hosts: names }),
    z.object({ kind: z.literal('few clients'), clients: z.number() }),
    z.object({ kind: z.literal(['good', 'silent', 'few requests', 'hardly slower', 'signs', 'too little']) }),
  ])
  .describe('why the verdict is what it is') satisfies z.ZodType<Because>;

const arm = z
  .object({
    requests: z.number(),
    errors: z.number(),
    errorsAll: z.number(),
    quantiles: z.array(z.object({ share: z.number(), ms: maybe(z.number().describe('absent: no time is known')) })),
  })
  .meta({ id: 'Arm', description: 'What one of two releases answered.' });

const number = z.number();

/** As JSON has it: what is undefined is not there. */
const reading = z
  .object({
    verdict: z.enum(['PASS', 'FAIL', 'UNDECIDED', 'NO-DATA']),
    over: z.boolean().describe('whether it acts'),
    because,
    lnE: z.object({ errors: number, tail: number, rank: number }),
    lnTogether: number,
    lnPass: number,
    failAt: number,
    passAt: number,
    canary: arm,
    baseline: arm,
  } satisfies Record<keyof Reading, z.ZodType>)
  .meta({ id: 'Reading', description: 'What a canary’s judge says now: docs/verdict.md.' });

const of = <T extends Event['type'] | 'ended'>(type: T): z.ZodLiteral<T> => z.literal(type);

/** How a command is told, in the order in which it happens; `ended` is the service’s last word on a job. */
const byType = {
  began: z.object({
    ...at,
    type: of('began'),
    app: z.string(),
    command: z.string(),
    by: z.string(),
    number: z.int().describe('under this number it stands in the history'),
    title: z.string(),
    hosts: names,
    from: maybe(z.string().nullable()),
    to: maybe(z.string()),
  }),
  note: z.object({ ...at, type: of('note'), text: z.string() }),
  waiting: z.object({
    ...at,
    type: of('waiting'),
    text: z.string(),
    until: z.string(),
    left: z.number().describe('milliseconds'),
  }),
  phase: z.object({
    ...at,
    type: of('phase'),
    name: z.string(),
    title: z.string(),
    number: z.int(),
    of: z.int(),
    batch: maybe(z.object({ number: z.int(), of: z.int(), hosts: names })),
  }),
  step: z.object({
    ...at,
    type: of('step'),
    state: z.enum(['started', 'done', 'failed', 'skipped']),
    host: z.string(),
    say: z.string(),
    took: maybe(z.number().describe('milliseconds')),
    note: maybe(z.string()),
  }),
  output: z.object({ ...at, type: of('output'), host: z.string(), line: z.string() }),
  rotation: z.object({ ...at, type: of('rotation'), in: names, out: names }),
  failed: z.object({ ...at, type: of('failed'), failure }),
  'going back': z.object({ ...at, type: of('going back'), title: z.string() }),
  finished: z.object({ ...at, type: of('finished'), exit: z.int(), summary }),
} satisfies { readonly [T in Exclude<Event['type'], 'canary'>]: z.ZodType<Extract<Event, { type: T }>> };

const canary = z.object({
  ...at,
  type: of('canary'),
  release: z.string(),
  baseline: z.string(),
  share: z.number().describe('of a hundred'),
  lasted: z.number().describe('seconds for which this share has been judged'),
  hold: z.number().describe('seconds for which it is'),
  reading,
} satisfies Record<keyof Extract<Event, { type: 'canary' }>, z.ZodType>);

const ended = z
  .object({
    ...at,
    type: of('ended'),
    exit: z.int(),
    refusal: maybe(
      z
        .object({ message: z.string(), next: z.string(), details: names })
        .describe('why nothing was changed, where that is so'),
    ),
  })
  .describe('the end of a job: no event of it comes after it') satisfies z.ZodType<JobEnd>;

export const storedEventSchema = z
  .object({
    id: z.int().describe('they go up; gaps mean nothing'),
    job: z.uuid(),
    event: z.discriminatedUnion('type', [ended, canary, ...Object.values(byType)]),
  })
  .meta({ id: 'StoredEvent', description: 'The data of one message of the stream.' });

/** What ends the events of a job. */
export interface JobEnd {
  readonly at: string;
  readonly type: 'ended';
  readonly exit: number;
  /** Why nothing was changed, where that is so. */
  readonly refusal?: { readonly message: string; readonly next: string; readonly details: readonly string[] };
}

export interface StoredEvent {
  readonly id: number;
  readonly job: string;
  readonly event: Event | JobEnd;
}
