import type { Change } from '../change.ts';
import { goalOf, type Goal } from '../core/ab/goals.ts';
import { reportOf, type AbReport, type Sides, type SideSums } from '../core/ab/report.ts';
import { parseWatched, type Followed, type Watched } from '../core/canary/followed.ts';
import { Refusal } from '../core/failure.ts';
import { newestRecord, type FleetView } from '../core/fleet.ts';
import type { Inventory } from '../core/inventory.ts';
import { succeeded } from '../core/outcome.ts';
import { addressesOf } from '../core/planning/arms.ts';
import { planCanary } from '../core/planning/canary.ts';
import { planAbort } from '../core/planning/split.ts';
import type { EndedSplit, Split } from '../core/record.ts';
import { readDue } from '../core/schedule/due.ts';
import { splitOf } from '../core/split.ts';
import { histogram, NO_TIMES, plus } from '../core/verdict/bins.ts';
import { ConnectError } from '../fleet/ports.ts';
import { lookAt } from '../look-at.ts';
import type { Opened } from '../open.ts';
import { eachHost } from '../roll.ts';
import { abortChange, promoteChange } from './canary.ts';
import { guardedBy, saidBy, type NowFlags } from './guarded.ts';
import { limitedBackends } from './named.ts';
import { commitWish } from './roll.ts';

export interface AbFlags extends NowFlags {
  /** Refs. Side A is what serves; where it is given it must be that. */
  readonly a?: string;
  readonly b?: string;
  /** Of a hundred users, on side B. */
  readonly share?: number;
  readonly until?: string;
  readonly next?: NonNullable<Split['ab']>['next'];
  readonly name?: string;
  /** Names, as the inventory's: those that serve side B, where backends have one slot. */
  readonly hosts?: string;
}

/** Milliseconds: of a shorter window nothing can be learned, and a longer one outlives every cookie. */
const SHORTEST = 10_000;
const LONGEST = 90 * 24 * 3_600_000;
const DEADLINE = 30_000;
/** Bytes of windows that are read at once. */
const MOST = 4_000_000;

/** An A/B window as a change. Rejects with `Refusal` (exit 2) when commits can't be read, or flags are not as they must be. */
export async function abChange(
  opened: Opened,
  flags: AbFlags,
): Promise<{ readonly change: Change; readonly seen: FleetView }> {
  const { inventory } = opened;
  const guarded = guardedBy(opened, flags);
  const { share = 50, next = 'ask' } = flags;
  if (flags.b === undefined)
    throw new Refusal(2, 'An A/B window needs its side B.', 'Give --b REF; side A is what serves.');
  const until = untilOf(flags.until, inventory, opened.clock.now());
  const { of, warnings } = await commitWish(opened, flags.b);
  const a = flags.a === undefined ? undefined : (await (await opened.source()).resolve(flags.a)).commit;
  const name = flags.name ?? `ab-${'commit' in of ? of.commit.commit.slice(0, 12) : ''}`;
  if (!/^[a-z0-9][a-z0-9-]{0,39}$/.test(name))
    throw new Refusal(
      2,
      `--name ${name} is no name of a window.`,
      'Give one of small letters, digits and hyphens: --name checkout.',
    );
  const seen = await lookAt(opened);
  const wish = {
    of,
    shares: [share] as const,
    hold: until - opened.clock.now(),
    promote: 'ask',
    ab: { name, until: new Date(until).toISOString(), next, a, goals: goalsOf(inventory) },
    ...(flags.hosts === undefined ? {} : { hosts: limitedBackends(inventory, { hosts: flags.hosts }) }),
    warnings: [...opened.doubts, ...warnings],
  } as const;
  const change: Change = {
    command: `ab --b ${flags.b} --share ${share}% --until ${new Date(until).toISOString()} --then ${next} --name ${name}${flags.hosts === undefined ? '' : ` --hosts ${flags.hosts}`}${saidBy(guarded)}`,
    guarded,
    plan: (view, author) => planCanary(inventory, view, wish, author),
    back: (view, author) => planAbort(inventory, view, author),
  };
  return { change, seen };
}

function untilOf(text: string | undefined, inventory: Inventory, now: number): number {
  const next = 'Give --until 2026-12-01T06:00 (by the clock of the inventory’s time_zone), at most 90 days ahead.';
  if (text === undefined) throw new Refusal(2, 'An A/B window needs its end.', next);
  const read =
    text === 'tonight'
      ? { problem: 'tonight is when a window opens, and no end' }
      : readDue(text, inventory, inventory.time_zone, now);
  if ('problem' in read) throw new Refusal(2, `--until: ${read.problem}.`, next);
  if (read.due - now < SHORTEST || read.due - now > LONGEST)
    throw new Refusal(2, `--until ${text} is too soon or too far.`, next);
  return read.due;
}

const goalsOf = ({ ab }: Inventory): Goal[] =>
  Object.entries(ab.goals).flatMap(([name, text]) => {
    const goal = goalOf(name, text);
    return 'problem' in goal ? [] : [goal];
  });

/** The window that is open. Throws `Refusal` (exit 3) where none is. */
export function openWindow(view: FleetView): Split & { readonly ab: NonNullable<Split['ab']> } {
  const split = splitOf(newestRecord(view));
  if (split?.ab !== undefined) return { ...split, ab: split.ab };
  throw new Refusal(
    3,
    'No A/B window is open.',
    '`orchestrate ab --b REF --until TIME` opens one; `orchestrate ab report` tells of the last one.',
  );
}

/** The window that is open, or the last one. Throws `Refusal` (exit 3) where there was none. */
export function lastWindow(view: FleetView): {
  readonly split: Split | EndedSplit;
  readonly ended: EndedSplit | undefined;
} {
  const record = newestRecord(view);
  if (record?.split?.ab !== undefined) return { split: record.split, ended: undefined };
  if (record?.split === undefined && record?.ended?.ab !== undefined)
    return { split: record.ended, ended: record.ended };
  throw new Refusal(
    3,
    'There was no A/B window yet, or a canary came after it.',
    '`orchestrate ab --b REF --until TIME` opens one.',
  );
}

/** Everybody to one side, as the window's end. */
export const abEndChange = (opened: Opened, then: 'a' | 'b', flags: NowFlags): Change =>
  then === 'a'
    ? abortChange(opened, 'ab end --then a')
    : { ...promoteChange(opened, flags), command: 'ab end --then b' };

export interface AbCounts {
  readonly report: AbReport;
  /** Balancers that could not be read, and why. */
  readonly unread: readonly { readonly balancer: string; readonly reason: string }[];
  /** Balancers on which the end of the window would come by itself. */
  readonly armed: readonly string[];
  /** So many clients of one side were counted on one balancer: later ones were not. */
  readonly full: boolean;
  /** The log had gaps: what was not seen is not in the numbers. */
  readonly gaps: boolean;
}

/** What both sides have come to, as the balancers have added it up. Does not reject for a balancer that can't be read. */
export async function abCounts(opened: Opened, split: Split): Promise<AbCounts> {
  const { inventory } = opened;
  const read = await eachHost(inventory.balancers, inventory.ssh.concurrency, async ({ name }) => ({
    name,
    ...(await allOf(opened, name, split.follower)),
  }));
  const arms = addressesOf(inventory, split);
  const [a, b] = [new Set(arms.map(({ baseline }) => baseline ?? '')), new Set(arms.map(({ canary }) => canary ?? ''))];
  const sides = read.map(({ windows }): Sides => ({
    a: sumsOf(windows, a, 'baseline'),
    b: sumsOf(windows, b, 'canary'),
  }));
  const goals = new Set([...Object.keys(inventory.ab.goals), ...sides.flatMap((side) => Object.keys(side.a.goals))]);
  return {
    report: reportOf(sides, split.share / 100, [...goals]),
    unread: read.flatMap(({ name, reason }) => (reason === undefined ? [] : [{ balancer: name, reason }])),
    armed: read.flatMap(({ name, armed }) => (armed ? [name] : [])),
    full: sides.some((side) => Math.max(side.a.clients, side.b.clients) >= FULL),
    gaps: read.some(({ windows }) => windows.some(({ gap }) => gap === 1)),
  };
}

/** As adding-up.sh has it. */
const FULL = 200_000;

async function allOf(
  opened: Opened,
  host: string,
  follower: string,
): Promise<{ windows: readonly Followed[]; armed: boolean; reason?: string }> {
  const { inventory, remote, script } = opened;
  const windows: Followed[] = [];
  let at = 0;
  let last: Watched | undefined;
  try {
    for (;;) {
      const args = [inventory.nginx.folder, follower, String(at), String(MOST), 'read'];
      // oxlint-disable-next-line no-await-in-loop -- one piece after the other
      const outcome = await remote.run({
        host,
        name: 'orchestrate-watch',
        text: script('watch'),
        args,
        deadline: DEADLINE,
      });
      const read = succeeded(outcome) ? parseWatched(outcome.stdout) : undefined;
      if (read === undefined || 'problem' in read)
        return {
          windows,
          armed: false,
          reason: read?.problem ?? (outcome.stderr.trim() || 'it says nothing of this window'),
        };
      last = read;
      windows.push(...read.windows);
      if (read.at === at) return { windows, armed: last.armed };
      at = read.at;
    }
  } catch (error) {
    if (error instanceof ConnectError) return { windows, armed: false, reason: error.message };
    throw error;
  }
}

function sumsOf(windows: readonly Followed[], addresses: ReadonlySet<string>, arm: 'canary' | 'baseline'): SideSums {
  const goals: Record<string, number> = {};
  let [requests, errors, clients] = [0, 0, 0];
  let times = NO_TIMES;
  for (const window of windows) {
    clients += window.clients[arm];
    for (const [name, many] of Object.entries(window.goals ?? {})) goals[name] = (goals[name] ?? 0) + many[arm];
    // Who came the balancer knows request by request; these sums are of the whole time, and of one in which users were not split too.
    if (window.moved === 1 || window.buckets === 0) continue;
    for (const upstream of window.upstreams) {
      if (!addresses.has(upstream.address)) continue;
      requests += upstream.n;
      errors += upstream.errors_all;
      times = plus(times, histogram(upstream.times));
    }
  }
  return { requests, errors, clients, times, goals };
}
