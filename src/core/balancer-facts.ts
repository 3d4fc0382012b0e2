import { gunzipSync } from 'node:zlib';
import { parseLease, type Lease } from './lease.ts';
import { parseRecord, type GenerationRecord } from './record.ts';

/** What observe-balancer.sh saw. */
export interface BalancerFacts {
  readonly boot: string;
  /** Seconds since boot. */
  readonly uptime: number;
  /** Of the Nginx that is installed: `1.22.1`. */
  readonly nginx?: string;
  /** Its master's process id, where it can be told. */
  readonly master?: number;
  readonly workers: readonly { readonly pid: number; readonly start: string; readonly ending: boolean }[];
  /** A binary upgrade of Nginx is under way. */
  readonly upgrading: boolean;
  readonly folder: 'writable' | 'foreign' | 'missing';
  /** The number of the generation that `live` names; null: no `live` yet. */
  readonly live: number | null;
  /** The highest generation that is there; 0: none. */
  readonly highest: number;
  /** What `live` names, as flip.sh is told to expect it: a generation's folder name, `none`, or whatever a hand made of it. */
  readonly link: string;
  /** The live generation's. */
  readonly record: GenerationRecord | null;
  /** Where the live generation's lanes really go, those that follow `stable` left out. */
  readonly lanes: Readonly<Record<string, string>>;
  /** sha256 of the records of the generations that are kept, by number: the live one, and up to a hundred others. */
  readonly prepared: ReadonlyMap<number, string>;
  /** What `live` was made to name last, and the sha256 of its record then; `former`: what it named before, where the rename may not have been done. */
  readonly flipped: { readonly number: number; readonly sum: string; readonly former?: string } | null;
  /** Records of other generations, newest first, where the live one is not what it was made. */
  readonly kept: readonly GenerationRecord[];
  readonly lease: Lease | null;
  readonly fence: { readonly token: number; readonly sequence: number; readonly holder: string } | null;
  readonly file: 'readable' | 'unreadable' | 'missing';
  /** The configuration's text; null where it can't be read. */
  readonly text: string | null;
  /** A configuration was put in and neither kept nor taken back. */
  readonly former: boolean;
  /** What of all this can't be so, in sentences without the host's name: a damaged record, a hand's edit. */
  readonly problems: readonly string[];
  /** Those of the problems that a hand made in the routing: `--adopt` and `--overwrite` are ways out of them. */
  readonly edits: readonly string[];
}

/** A configuration is a few MB at the most; what unpacks to more is no configuration. */
const LARGEST_TEXT = 64 * 1024 * 1024;

/**
 * Reads what observe-balancer.sh printed. It is untrusted: whatever can't be understood becomes a problem, never an exception.
 * @param known the text whose sha256 was given to the script, for when the host has that text
 */
export function parseBalancerFacts(output: string, known: string | null): BalancerFacts {
  const problems: string[] = [];
  const edits: string[] = [];
  const lines = output.split('\n').map((line): [string, string] => {
    const space = line.indexOf(' ');
    return space < 0 ? [line, ''] : [line.slice(0, space), line.slice(space + 1)];
  });
  const all = (key: string): string[] => lines.flatMap(([name, value]) => (name === key ? [value] : []));
  const one = (key: string): string | undefined => all(key)[0];
  const among = <T extends string>(key: string, values: readonly T[], otherwise: T): T =>
    values.find((value) => value === one(key)) ?? otherwise;

  const uptime = Number(one('uptime'));
  if (one('boot') === undefined || !Number.isFinite(uptime)) problems.push('it does not tell its uptime');
  const link = one('live') ?? 'none';
  const live = liveOf(link, edits, problems);
  const record = recordOf(one('record'), live, edits);
  const lanes = Object.fromEntries(all('lane').flatMap((value) => pairs(value, /^(stable|canary|\d\d) ([a-z0-9-]+)$/)));
  if (record !== null && !sameTable(lanes, record.table)) {
    edits.push(`the links of generation ${record.generation} are not what its record says: they were changed by hand`);
  }
  const prepared = new Map(
    all('generation')
      .flatMap((value) => pairs(value, /^(\d{1,15}) ([0-9a-f]{64})$/))
      .map(([number, sum]) => [Number(number), sum]),
  );
  const flipped = flippedOf(one('flipped'));
  edits.push(...unlikeFlipped({ live, link, record, prepared }, flipped));
  problems.push(...edits);
  const lease = leaseOf(one('lease'), problems);
  const [, token, sequence, holder] = /^(\d{1,15}) (\d{1,15}) (\S+)$/.exec(one('fence') ?? '') ?? [];
  const master = count(one('master'));
  const nginx = one('version');
  return {
    boot: one('boot') ?? '',
    uptime: Number.isFinite(uptime) ? uptime : 0,
    ...(nginx === undefined ? {} : { nginx }),
    ...(master === undefined ? {} : { master }),
    workers: all('worker').flatMap((value) => {
      const [, pid, start, state] = /^(\d+) (\d+) (serving|ending)$/.exec(value) ?? [];
      return pid === undefined || start === undefined ? [] : [{ pid: Number(pid), start, ending: state === 'ending' }];
    }),
    upgrading: one('upgrade') === 'yes',
    folder: among('folder', ['writable', 'foreign', 'missing'], 'missing'),
    live,
    link: link.replace(/^generations\//, ''),
    highest: count(one('highest')) ?? live ?? 0,
    record,
    lanes,
    prepared,
    flipped,
    kept: all('kept')
      .flatMap((value) => pairs(value, /^(\d{6,15}) (.*)$/))
      .flatMap(([number, text]) => {
        const read = parseRecord(text);
        return 'record' in read && read.record.generation === Number(number) ? [read.record] : [];
      })
      .toSorted((a, b) => b.generation - a.generation),
    lease,
    fence: holder === undefined ? null : { token: Number(token), sequence: Number(sequence), holder },
    file: among('file', ['readable', 'unreadable', 'missing'], 'missing'),
    text: one('file') === 'readable' ? (textOf(one('text'), problems) ?? known) : null,
    former: one('former') === 'yes',
    problems,
    edits,
  };
}

function count(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function pairs(value: string, pattern: RegExp): [string, string][] {
  const [, key, rest] = pattern.exec(value) ?? [];
  return key === undefined || rest === undefined ? [] : [[key, rest]];
}

function liveOf(link: string, edits: string[], problems: string[]): number | null {
  if (link === 'none') return null;
  const number = /^generations\/(\d{6,15})$/.exec(link)?.[1];
  if (number !== undefined) return Number(number);
  if (link === '(no link)') problems.push('its `live` is no symbolic link, and names no generation');
  else edits.push('its `live` names no generation: it was changed by hand');
  return null;
}

function flippedOf(text: string | undefined): BalancerFacts['flipped'] {
  const [, number, sum, former] = /^(\d{6,15}) ([0-9a-f]{64})(?: (\d{6,15}|none|-))?$/.exec(text ?? '') ?? [];
  if (number === undefined || sum === undefined) return null;
  return { number: Number(number), sum, ...(former === undefined ? {} : { former }) };
}

/** What is so is what the last flip made, or, if that was interrupted, what it was to be made from; anything else was made by hand. */
function unlikeFlipped(
  { live, link, record, prepared }: Pick<BalancerFacts, 'live' | 'link' | 'record' | 'prepared'>,
  flipped: BalancerFacts['flipped'],
): string[] {
  if (flipped === null || (live === null && link !== 'none')) return [];
  const former = flipped.former === undefined ? undefined : flipped.former === 'none' ? null : Number(flipped.former);
  if (live !== flipped.number && live === former) return [];
  if (live !== flipped.number)
    return [
      `its \`live\` ${live === null ? 'is gone' : `names generation ${live}`}, and the last flip made it name ${flipped.number}: it was moved by hand`,
    ];
  if (record === null || prepared.get(live) === flipped.sum) return [];
  return [`the record of generation ${live} is not what was written there: it was edited by hand`];
}

function recordOf(text: string | undefined, live: number | null, edits: string[]): GenerationRecord | null {
  if (text === undefined) {
    if (live !== null) edits.push(`generation ${live} has no record that can be read`);
    return null;
  }
  const read = parseRecord(text);
  if ('problem' in read) {
    edits.push(read.problem);
    return null;
  }
  if (read.record.generation !== live) {
    edits.push(`the record in generation ${live} is that of generation ${read.record.generation}`);
    return null;
  }
  return read.record;
}

function sameTable(lanes: Readonly<Record<string, string>>, table: Readonly<Record<string, string>>): boolean {
  const own = (value: Readonly<Record<string, string>>): string =>
    Object.entries(value)
      .filter(([lane, group]) => lane === 'stable' || group !== table['stable'])
      .map(([lane, group]) => `${lane} ${group}`)
      .toSorted()
      .join();
  return own(lanes) === own(table);
}

function leaseOf(text: string | undefined, problems: string[]): Lease | null {
  if (text === undefined) return null;
  const read = parseLease(text);
  if ('lease' in read) return read.lease;
  problems.push(read.problem);
  return null;
}

function textOf(packed: string | undefined, problems: string[]): string | undefined {
  if (packed === undefined) return undefined;
  try {
    return gunzipSync(Buffer.from(packed, 'base64'), { maxOutputLength: LARGEST_TEXT }).toString();
  } catch {
    problems.push('its configuration could not be read whole');
    return '';
  }
}
