import type { Event } from './event.ts';
import { readJournalLine } from './journal.ts';
import { parseLease, remaining } from './lease.ts';

/** What commands have left behind, as it was read from the balancers (history.sh): untrusted input. Nothing here throws. */

export type Past = {
  /** The lease's token. */
  readonly number: number;
  /** ISO 8601; null: its first line can't be read. */
  readonly began: string | null;
  readonly by: string | null;
  readonly command: string | null;
  readonly title: string | null;
  readonly hosts: readonly string[];
  /** How many lines it has. */
  readonly lines: number;
  /** When the last line was written; null: that line can't be read. */
  readonly lastWord: string | null;
  /** Balancers that have it. */
  readonly balancers: readonly string[];
} & (
  | { readonly state: 'ended'; readonly exit: number; readonly sentence: string }
  /** Its lease lives. */
  | { readonly state: 'at work' }
  | { readonly state: 'died' }
);

/** One command, whole. */
export interface Told {
  readonly number: number;
  readonly state: Past['state'];
  readonly events: readonly Event[];
  /** Lines that are none which orchestrate wrote. */
  readonly strange: number;
  readonly balancer: string;
}

/** A balancer that could not be asked, and why. */
export interface Unasked {
  readonly balancer: string;
  readonly reason: string;
}

export interface History {
  readonly app: string;
  /** Newest first. */
  readonly commands: readonly Past[];
  readonly unasked: readonly Unasked[];
}

interface Answer {
  readonly holder: number | null;
  /** The lines behind those that tell of the lease. */
  readonly rest: readonly string[];
}

/** The lease's token, if it lives. */
function answerOf(stdout: string): Answer {
  const lines = stdout.split('\n');
  const values = new Map<string, string>();
  let at = 0;
  for (; at < lines.length; at += 1) {
    const [, key, value] = /^(boot|uptime|lease) (.*)$/.exec(lines[at] ?? '') ?? [];
    if (key === undefined || value === undefined) break;
    values.set(key, value);
  }
  const read = parseLease(values.get('lease') ?? '');
  const host = { boot: values.get('boot') ?? '', uptime: Number(values.get('uptime')) };
  const lives = 'lease' in read && remaining(read.lease, host) > 0;
  return { holder: lives ? read.lease.token : null, rest: lines.slice(at) };
}

/** The commands of which a balancer knows, from what `history.sh list` printed there. */
export function readList(stdout: string, balancer: string): Past[] {
  const { holder, rest } = answerOf(stdout);
  const found: Map<string, string>[] = [];
  for (const line of rest) {
    const [, key, value] = /^(command|lines|first|finished|last) (.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    if (key === 'command') found.push(new Map());
    found.at(-1)?.set(key, value);
  }
  return found.flatMap((values) => {
    const number = numberOf(values.get('command'));
    const lines = numberOf(values.get('lines'));
    return number === undefined || lines === undefined ? [] : [pastOf(number, lines, values, holder, balancer)];
  });
}

function pastOf(
  number: number,
  lines: number,
  values: ReadonlyMap<string, string>,
  holder: number | null,
  balancer: string,
): Past {
  const [first, finished, last] = ['first', 'finished', 'last'].map((key) => readJournalLine(values.get(key) ?? ''));
  const began = first?.type === 'began' ? first : undefined;
  const told = {
    number,
    began: began?.at ?? null,
    by: began?.by ?? null,
    command: began?.command ?? null,
    title: began?.title ?? null,
    hosts: began?.hosts ?? [],
    lines,
    lastWord: last?.at ?? null,
    balancers: [balancer],
  };
  if (finished?.type === 'finished')
    return { ...told, state: 'ended', exit: finished.exit, sentence: finished.summary.sentence };
  return { ...told, state: holder === number ? 'at work' : 'died' };
}

/** What several balancers know, newest first: of each command what is known best. */
export function union(lists: readonly (readonly Past[])[], limit: number): Past[] {
  const byNumber = Map.groupBy(lists.flat(), ({ number }) => number);
  return [...byNumber.values()]
    .flatMap((copies) => {
      const [best] = copies.toSorted(
        (a, b) =>
          RANK[a.state] - RANK[b.state] || Number(b.began !== null) - Number(a.began !== null) || b.lines - a.lines,
      );
      return best === undefined ? [] : [{ ...best, balancers: copies.flatMap(({ balancers }) => balancers) }];
    })
    .toSorted((a, b) => b.number - a.number)
    .slice(0, limit);
}

const RANK = { ended: 0, 'at work': 1, died: 2 } as const;

/** One command, from what `history.sh show` printed on a balancer; undefined: it knows nothing of it. */
export function readTold(stdout: string, number: number, balancer: string): Told | undefined {
  const { holder, rest } = answerOf(stdout);
  if (rest[0] !== 'journal') return undefined;
  const lines = rest.slice(1).filter((line) => line !== '');
  const events = lines.flatMap((line) => readJournalLine(line) ?? []);
  const ended = events.some(({ type }) => type === 'finished');
  const state = ended ? 'ended' : holder === number ? 'at work' : 'died';
  return { number, state, events, strange: lines.length - events.length, balancer };
}

/** Of what several balancers tell of one command: the one that has its end, or else most of it. */
export const fullest = (copies: readonly Told[]): Told | undefined =>
  copies.toSorted((a, b) => RANK[a.state] - RANK[b.state] || b.events.length - a.events.length)[0];

/** What was in hand when the last word was written: steps that began and of which no end is known. */
export function inHand(
  events: readonly Event[],
): { readonly host: string; readonly say: string; readonly at: string }[] {
  const open = new Map<string, { host: string; say: string; at: string }>();
  for (const event of events) {
    if (event.type !== 'step') continue;
    const key = JSON.stringify([event.host, event.say]);
    if (event.state === 'started') open.set(key, { host: event.host, say: event.say, at: event.at });
    else open.delete(key);
  }
  return [...open.values()];
}

/** Who is out of rotation, as far as the events tell. */
export function lastOut(events: readonly Event[]): readonly string[] {
  const last = events.findLast(({ type }) => type === 'rotation');
  return last?.type === 'rotation' ? last.out : [];
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
