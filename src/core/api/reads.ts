import { z } from 'zod';
import type { History, Past } from '../history.ts';
import type { Releases } from '../releases.ts';
import type { Status } from '../status.ts';
import type { Calendar } from '../window-calendar.ts';

/** What a service reads of the fleet, as the commands of the same names print it with `--json`. */

const time = z.iso.datetime({ offset: true });

const statusSchema = z
  .object({
    app: z.string(),
    exit: z.literal([0, 4]).describe('0: one release, healthy, nothing drifted; 4: otherwise'),
    backends: z.array(
      z.object({
        name: z.string(),
        rotation: z.enum(['in', 'out', 'not recorded']),
        reason: z.string().nullable(),
        since: z.string().nullable(),
        running: z.string().nullable().describe('the release that its processes really run'),
        slot: z.int().nullable().describe('the port on which that serves, where it has two slots'),
        current: z.string().nullable(),
        health: z.string().nullable().describe('healthy, or what was answered'),
      }),
    ),
    balancers: z.array(
      z.object({
        name: z.string(),
        generation: z.int().nullable(),
        serves: z.boolean().describe("whether Nginx's workers resolve that generation"),
      }),
    ),
    drift: z.array(z.string()).describe('what is not as it should be, in sentences'),
    unfinished: z.string().nullable().describe('a roll that was begun and is not finished'),
    canary: z.string().nullable().describe('two releases side by side'),
    back: z
      .array(z.object({ release: z.string(), on: z.array(z.string()), until: time }))
      .describe('releases that run on: going back to them takes no time'),
    atWork: z.boolean().describe('somebody holds the lease'),
  })
  .meta({ id: 'Status' }) satisfies z.ZodType<Status>;

const pastFields = {
  number: z.int(),
  began: z.string().nullable(),
  by: z.string().nullable(),
  command: z.string().nullable(),
  title: z.string().nullable(),
  hosts: z.array(z.string()),
  lines: z.int().describe('how many events it left'),
  lastWord: z.string().nullable().describe('when the last of them was written'),
  balancers: z.array(z.string()).describe('those that have it'),
};

const past = z.discriminatedUnion('state', [
  z.object({ ...pastFields, state: z.literal('ended'), exit: z.int(), sentence: z.string() }),
  z.object({ ...pastFields, state: z.literal('at work') }),
  z.object({ ...pastFields, state: z.literal('died') }),
]) satisfies z.ZodType<Past>;

const historySchema = z
  .object({
    app: z.string(),
    commands: z.array(past).describe('newest first'),
    unasked: z.array(z.object({ balancer: z.string(), reason: z.string() })).describe('balancers that did not answer'),
  })
  .meta({ id: 'History' }) satisfies z.ZodType<History>;

const moment = z
  .object({
    at: time.describe('in UTC'),
    fleet: time.describe("in the inventory's zone"),
    reader: time.describe("in the service's zone"),
  })
  .meta({ id: 'Moment' });
const listed = z
  .object({
    from: moment,
    to: moment.nullable().describe('null: nothing that is known ends it'),
    windows: z.array(z.string()),
  })
  .meta({ id: 'Opening' });

const windowsSchema = z
  .object({
    app: z.string(),
    zones: z.object({ fleet: z.string(), reader: z.string() }),
    now: moment,
    open: z.boolean().describe('whether a release may be rolled now'),
    why: z.string(),
    limited: z.boolean().describe('whether there are windows or freezes at all'),
    days: z.int(),
    openings: z.array(listed).describe('of the next days, in order'),
    later: listed.nullable().describe('the first one after these days, where none is among them'),
    freezes: z.array(z.object({ from: moment, to: moment, reason: z.string().nullable() })),
  })
  .meta({ id: 'Windows' }) satisfies z.ZodType<Calendar>;

const names = z.array(z.string());

const releasesSchema = z
  .object({
    app: z.string(),
    releases: z
      .array(
        z.object({
          release: z.string(),
          commit: z.string(),
          ref: z.string(),
          subject: z.string(),
          author: z.string(),
          built: z.string(),
          on: names.describe('backends that have it complete'),
          runs: names.describe('whose processes run it'),
          current: names.describe('whose link `current` names it'),
          previous: names,
        }),
      )
      .describe('newest first'),
    hosts: z.array(
      z.object({
        host: z.string(),
        unreachable: z.string().nullable().describe('why it could not be looked at'),
        runs: z.string().nullable(),
        current: z.string().nullable(),
        previous: z.string().nullable(),
        complete: names,
        incomplete: names,
      }),
    ),
  })
  .meta({ id: 'Releases' }) satisfies z.ZodType<Releases>;

export const readSchemas = {
  status: statusSchema,
  history: historySchema,
  windows: windowsSchema,
  releases: releasesSchema,
} as const;

export type Read = keyof typeof readSchemas;
