import { z } from 'zod';
import type { Event } from './event.ts';

/**
 * What a command leaves behind on the balancers: its events, one JSON object a line. What hosts print (`output`) is not among them: it
 * may hold what nobody meant to keep. Lines are read back from hosts, so they are untrusted input.
 */

/** Bytes of one command from which on only what tells how it ended is added; the script's own bound is a little higher. */
const ENOUGH = 900_000;

const ALWAYS: ReadonlySet<Event['type']> = new Set(['failed', 'going back', 'finished']);

/** An event as a line of the journal, or undefined where it does not go in. `bytes`: what the journal of this command has by now. */
export function journalLine(event: Event, bytes: number): string | undefined {
  if (event.type === 'output' || (event.type === 'step' && event.state === 'skipped')) return undefined;
  if (bytes > ENOUGH && !ALWAYS.has(event.type)) return undefined;
  const { at, type, ...rest } = event;
  // In this order: history.sh finds the end by it.
  return JSON.stringify({ at, type, ...rest });
}

/** Whether the journal of a command has become so long that most of what follows is left out. */
export const isLong = (bytes: number): boolean => bytes > ENOUGH;

const at = z.iso.datetime();
const words = z.string().max(20_000);
const name = z.string().max(300);
const names = z.array(name).max(20_000);
const count = z.int().nonnegative();
const ms = z.number().nonnegative();

const summary = z.object({
  sentence: words,
  hosts: z
    .array(
      z.object({
        host: name,
        release: name.nullable(),
        rotation: z.enum(['in', 'out', 'unknown']),
        out: ms,
        note: words.exactOptional(),
      }),
    )
    .max(20_000),
  took: ms,
  reloads: count,
});

const failure = z.object({ host: name, doing: words, what: words, output: z.array(words).max(200), next: words });

const event = z.discriminatedUnion('type', [
  z.object({
    at,
    type: z.literal('began'),
    app: name,
    command: words,
    by: name,
    number: count,
    title: words,
    hosts: names,
    from: name.nullable().exactOptional(),
    to: name.exactOptional(),
  }),
  z.object({ at, type: z.literal('note'), text: words }),
  z.object({
    at,
    type: z.literal('phase'),
    name,
    title: words,
    number: count,
    of: count,
    batch: z.object({ number: count, of: count, hosts: names }).exactOptional(),
  }),
  z.object({
    at,
    type: z.literal('step'),
    state: z.enum(['started', 'done', 'failed', 'skipped']),
    host: name,
    say: words,
    took: ms.exactOptional(),
    note: words.exactOptional(),
  }),
  z.object({ at, type: z.literal('output'), host: name, line: words }),
  z.object({ at, type: z.literal('rotation'), in: names, out: names }),
  z.object({ at, type: z.literal('failed'), failure }),
  z.object({ at, type: z.literal('going back'), title: words }),
  z.object({ at, type: z.literal('finished'), exit: z.int(), summary }),
]);

/** Reads a line of a journal; undefined: it is none that orchestrate wrote. Never throws. */
export function readJournalLine(line: string): Event | undefined {
  try {
    const read = event.safeParse(JSON.parse(line));
    return read.success ? read.data : undefined;
  } catch {
    return undefined;
  }
}
