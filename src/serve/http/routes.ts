import { z } from 'zod';
import { readSchemas, type Read } from '../../core/api/reads.ts';
import { isTokenName, SCOPES, type Scope } from '../../core/api/token.ts';
import { orderSchema } from '../../core/api/order.ts';
import {
  jobSchema,
  madeTokenSchema,
  proposedSchema,
  removedSchema,
  scheduleSchema,
  schedulesJobsSchema,
  tokenSchema,
} from '../../core/api/views.ts';
import { scheduleWish } from '../../core/schedule/wish.ts';
import { Refusal } from '../../core/failure.ts';
import type { Service } from '../service.ts';
import { makeToken } from './tokens.ts';

/** One thing that the service does over HTTP. The OpenAPI document is made of these (openapi.ts). */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** `{name}` is one part of the path. */
  readonly path: string;
  readonly scope: Scope;
  readonly summary: string;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** The status of a good answer; default: 200. */
  readonly status?: 200 | 201 | 202;
  /** What a good answer is. Nothing is held against it as it is sent: tests do that with real ones. */
  readonly answer: z.ZodType;
  readonly does: (asked: Asked) => Promise<unknown>;
}

export interface Asked {
  readonly service: Service;
  /** The token's name. */
  readonly by: string;
  readonly part: (name: string) => string;
  readonly query: unknown;
  readonly body: unknown;
}

const many = z.strictObject({ limit: z.coerce.number().int().min(1).max(10_000).default(100) });
const listed = many.extend({ all: z.enum(['0', '1']).default('0').describe('1: ended ones too') });
const tokenWish = z.strictObject({
  name: z.string().refine(isTokenName, 'letters, digits and . _ @ -, at most 64'),
  scope: z.enum(SCOPES),
  expires: z.iso.datetime().exactOptional(),
});

/** Each may be done with a token of this scope, or of one above it. */
export const routes: readonly Route[] = [
  ...(['status', 'history', 'windows', 'releases'] as const satisfies readonly Read[]).map((what): Route => ({
    method: 'GET',
    path: `/v1/${what}`,
    scope: 'read',
    answer: readSchemas[what],
    summary: `what \`orchestrate ${what} --json\` prints`,
    does: ({ service }) => service.read(what),
  })),
  {
    method: 'GET',
    path: '/v1/schedules',
    scope: 'read',
    summary: 'schedules, newest first',
    answer: z.array(scheduleSchema),
    query: listed,
    does: ({ service, query }) => {
      const { limit, all } = listed.parse(query);
      return service.schedules({ limit, all: all === '1' });
    },
  },
  {
    method: 'POST',
    path: '/v1/schedules',
    scope: 'operate',
    summary: 'a roll or a canary for later, once or again and again',
    answer: scheduleSchema,
    body: scheduleWish,
    status: 201,
    does: ({ service, by, body }) => service.make(body, by),
  },
  {
    method: 'GET',
    path: '/v1/schedules/{number}',
    scope: 'read',
    summary: 'a schedule with its newest jobs',
    answer: schedulesJobsSchema,
    does: ({ service, part }) => service.schedule(numberOf(part('number'))),
  },
  ...(
    [
      ['cancel', 'no more of it', (service, number, by) => service.cancel(number, by)],
      ['run-now', 'its next job now, as soon as windows allow', (service, number, by) => service.runNow(number, by)],
      ['pause', 'nothing of it until it is continued', (service, number, by) => service.pause(number, true, by)],
      ['continue', 'the end of a pause', (service, number, by) => service.pause(number, false, by)],
      [
        'approve',
        'its next job, by somebody else than asked for it',
        (service, number, by) => service.approve(number, by),
      ],
    ] satisfies [string, string, (service: Service, number: number, by: string) => Promise<unknown>][]
  ).map(([what, summary, does]): Route => ({
    method: 'POST',
    path: `/v1/schedules/{number}/${what}`,
    scope: 'operate',
    summary,
    answer: scheduleSchema,
    does: ({ service, part, by }) => does(service, numberOf(part('number')), by),
  })),
  {
    method: 'POST',
    path: '/v1/plan',
    scope: 'operate',
    summary: 'what an order would do; changes nothing',
    answer: proposedSchema,
    body: orderSchema,
    does: ({ service, by, body }) => service.plan(orderSchema.parse(body), by),
  },
  {
    method: 'POST',
    path: '/v1/jobs',
    scope: 'operate',
    summary: 'an order, at once',
    answer: jobSchema,
    body: orderSchema,
    status: 202,
    does: ({ service, by, body }) => service.start(orderSchema.parse(body), by),
  },
  {
    method: 'GET',
    path: '/v1/jobs',
    scope: 'read',
    summary: 'what was and is to be done, newest first',
    answer: z.array(jobSchema),
    query: many,
    does: ({ service, query }) => service.jobs(many.parse(query)),
  },
  {
    method: 'GET',
    path: '/v1/jobs/{id}',
    scope: 'read',
    summary: 'one job',
    answer: jobSchema,
    does: ({ service, part }) => service.job(part('id')),
  },
  {
    method: 'POST',
    path: '/v1/jobs/{id}/stop',
    scope: 'operate',
    summary: 'as Ctrl-C: what is in hand is finished or put back, nothing further is begun',
    answer: jobSchema,
    does: ({ service, part, by }) => service.stop(part('id'), by),
  },
  {
    method: 'GET',
    path: '/v1/tokens',
    scope: 'admin',
    summary: 'the tokens that there are, without what they are',
    answer: z.array(tokenSchema),
    does: async ({ service }) =>
      (await service.tokens.list()).map(({ name, scope, made, expires }) => ({
        name,
        scope,
        made,
        expires: expires ?? null,
      })),
  },
  {
    method: 'POST',
    path: '/v1/tokens',
    scope: 'admin',
    summary: 'a new token; it is shown this once',
    answer: madeTokenSchema,
    body: tokenWish,
    status: 201,
    does: ({ service, body }) => makeToken(service.tokens, tokenWish.parse(body)),
  },
  {
    method: 'DELETE',
    path: '/v1/tokens/{name}',
    scope: 'admin',
    summary: 'a token is good for nothing any more',
    answer: removedSchema,
    does: async ({ service, part }) => {
      if (await service.tokens.remove(part('name'))) return { removed: part('name') };
      throw new Refusal(
        2,
        `There is no token ${part('name')}.`,
        '`orchestrate token list` lists those that there are.',
      );
    },
  },
];

function numberOf(text: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw new Refusal(2, `${text} is no number of a schedule.`, '`orchestrate schedule list` has them.');
}
