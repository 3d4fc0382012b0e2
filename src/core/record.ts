import { z } from 'zod';
import { parseJson } from './json.ts';

/**
 * What a generation's record.json says: the fleet's memory. It moves with the routing table in one rename, so that the two never differ.
 * It is read back from hosts, so it is untrusted input.
 */

const host = z
  .string()
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/)
  .max(32);
const group = z
  .string()
  .regex(/^[a-z0-9]+(-{1,2}[a-z0-9]+)*$/)
  .max(64);
/** `stable`, `canary` and the buckets `00` to `99`. */
const lane = z.string().regex(/^(stable|canary|[0-9]{2})$/);
const release = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/)
  .max(128);
const time = z.iso.datetime();
const words = z.string().max(2000);
const count = z.int().nonnegative();

const backendRecord = z.strictObject({
  rotation: z.enum(['in', 'out']),
  /** Why it is out. */
  reason: words.exactOptional(),
  since: time,
  by: words.exactOptional(),
  /** The release that it serves, as far as the one who wrote the record knew. */
  release: release.nullable(),
  /** The port of the slot that serves, where the backend has two; none: its first. */
  slot: z.int().min(1).max(65_535).exactOptional(),
  /** The release that it served on its other slot, where the command that wrote this moved it over. */
  former: release.exactOptional(),
});

/** What was begun: all that another operator needs to finish or undo it. */
export const intent = z.strictObject({
  kind: z.enum(['roll', 'rollback']),
  from: release.nullable().default(null),
  to: release,
  /** What the release is made of, and what it was asked for as; a rollback makes none. */
  commit: z
    .string()
    .regex(/^[0-9a-f]{40,64}$/)
    .exactOptional(),
  ref: words.exactOptional(),
  /** The backends that it is for; none: all. The batches' sizes as wished; none: as the inventory has them. */
  hosts: z.array(host).default([]),
  batch: z.array(z.union([z.int().positive(), z.templateLiteral([z.int(), '%'])])).default([]),
  /** Migrations that a person answers for. */
  allow: z.array(words).exactOptional(),
  /** Milliseconds for which what served before is to run on, where the command said so; none: as the inventory has it. */
  linger: z.int().min(0).exactOptional(),
  /** The service's job that began it; none: a person did. */
  job: z.uuid().exactOptional(),
  by: words,
  command: words,
  at: time,
});

/** Two releases side by side: a canary that is being judged. All that another operator needs to watch, promote or abort it. */
const split = z.strictObject({
  /** What seeds the buckets: the canary's commit. */
  name: words,
  /** What the balancers' followers know it by. */
  follower: z
    .string()
    .regex(/^[A-Za-z0-9-]+$/)
    .max(64),
  canary: release,
  baseline: release,
  /** Which slot of each backend runs the canary. */
  side: z.enum(['first', 'second']),
  /** Backends with one slot each that serve the canary, and nothing else, while it lives; none: the other slot of each backend does. */
  hosts: z.array(host).min(1).exactOptional(),
  /** Backends with two slots whose canary answers no more: its users are sent to the canary of the others. */
  without: z.array(host).min(1).exactOptional(),
  /** Of a hundred. */
  share: z.int().min(1).max(99),
  /** Everybody is sent to the baseline for a while. */
  paused: z.literal(true).exactOptional(),
  /** Shares that it climbs to after this one, in order, each judged. */
  steps: z.array(z.int().min(1).max(99)).max(99).default([]),
  /** Milliseconds for which each share is judged. */
  hold: z.int().positive(),
  promote: z.enum(['ask', 'auto']),
  /** What the followers do when nobody watches. */
  unwatched: z.enum(['abort', 'keep']),
  /** An A/B window: two equals, side A (`baseline`) and side B (`canary`), judged by nobody, and what becomes of it at its end. */
  ab: z.strictObject({ until: time, next: z.enum(['a', 'b', 'ask']) }).exactOptional(),
  /** The bin of the baseline's slowest hundredth before it began; none: too little was known. */
  t99: z.int().min(0).max(1000).exactOptional(),
  /** The service's job that began it. */
  job: z.uuid().exactOptional(),
  by: words,
  command: words,
  /** When it began. */
  at: time,
});

/** The last split that is over, for who asks for its report. `how`: unwatched: the balancers have sent everybody back by themselves; ended: they have ended an A/B window at its time. */
const ended = split.extend({ how: z.enum(['promoted', 'aborted', 'unwatched', 'ended']), over: time });

const record = z.strictObject({
  version: z.literal(1),
  app: z.string().regex(/^[a-z][a-z0-9_]{0,23}$/),
  generation: count,
  /** Lane to group folder; a lane that is absent follows `stable`. */
  table: z.record(lane, group).refine((table) => table['stable'] !== undefined, 'has no lane stable'),
  backends: z.record(host, backendRecord),
  /** What was begun and is not finished; null when nothing is. */
  intent: intent.nullable(),
  /** Two releases side by side, where that is so. */
  split: split.exactOptional(),
  ended: ended.exactOptional(),
  /** Releases that a roll has brought to its end, oldest first: one that was staged and failed is not among them. */
  served: z.array(release).max(100).exactOptional(),
  /** The service's jobs that have changed the routing, oldest first; one that is not in the intent has come to its end. */
  jobs: z.array(z.uuid()).max(200).exactOptional(),
  /** The lease under which it was written. */
  token: count,
  holder: z
    .string()
    .regex(/^[A-Za-z0-9._-]+$/)
    .max(64),
  command: words,
  by: words,
  at: time,
});

export type GenerationRecord = z.infer<typeof record>;
export type BackendRecord = z.infer<typeof backendRecord>;
export type Intent = z.infer<typeof intent>;
export type Split = z.infer<typeof split>;
export type EndedSplit = z.infer<typeof ended>;

export type ReadRecord = { readonly record: GenerationRecord } | { readonly problem: string };

/** Reads a record.json. `problem` is a sentence for people, without the name of the host or file. Never throws. */
export function parseRecord(text: string): ReadRecord {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    return { problem: `the record is not JSON: ${shown(text)}` };
  }
  if (typeof value === 'object' && value !== null && 'version' in value && value.version !== 1) {
    return {
      problem: `the record has version ${shown(JSON.stringify(value.version) ?? '')}, which this orchestrate does not know`,
    };
  }
  const read = record.safeParse(value);
  if (read.success) return { record: read.data };
  const issue = read.error.issues[0];
  const where = issue?.path.map(String).join('.') ?? '';
  return { problem: `the record is not well formed at ${shown(where || 'its top')}: ${shown(issue?.message ?? '')}` };
}

/** A record as one line of JSON, ending in a line feed: the same record gives the same bytes, whatever order its keys were set in. */
export function formatRecord(value: GenerationRecord): string {
  const backends = Object.fromEntries(Object.entries(value.backends).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const table = Object.fromEntries(Object.entries(value.table).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return `${JSON.stringify(record.parse({ ...value, backends, table }))}\n`;
}

/** The names that a record holds out of rotation. */
export function outOf(value: Pick<GenerationRecord, 'backends'>): Set<string> {
  return new Set(Object.entries(value.backends).flatMap(([name, { rotation }]) => (rotation === 'out' ? [name] : [])));
}

/** A piece of untrusted text that can be put into a sentence: printable, and short. */
function shown(text: string): string {
  // oxlint-disable-next-line no-control-regex
  const plain = text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '?');
  return plain.length > 120 ? `${plain.slice(0, 117)}...` : plain;
}
