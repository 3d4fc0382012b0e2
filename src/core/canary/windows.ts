import { histogram, NO_TIMES } from '../verdict/bins.ts';
import { NO_SUMS, withSums, type Skipped, type Stratum, type Sums, type Window } from '../verdict/window.ts';
import type { Followed, FollowedUpstream } from './followed.ts';

/** The arms of one host, as `address:port` in Nginx's log; null: another host's. */
export interface HostArms {
  readonly host: string;
  readonly baseline: string | null;
  readonly canary: string | null;
}

/** What the balancers' followers have told and is not judged yet. A value. */
export interface Gathered {
  /** By balancer: windows that wait for the others', oldest first. */
  readonly waiting: Readonly<Record<string, readonly Followed[]>>;
  /** Seconds of the epoch of the newest window of each balancer. */
  readonly newest: Readonly<Record<string, number>>;
  /** That of the last window that was made. */
  readonly made: number;
}

export const NOTHING_GATHERED: Gathered = { waiting: {}, newest: {}, made: Number.NEGATIVE_INFINITY };

/** A balancer that has told nothing for so many seconds more than the others is not waited for. */
const PATIENCE = 30;

/**
 * Adds what a look at the balancers has brought. A window is made when every balancer has told of its time or a later one, or one has been
 * silent for long. What comes later than that is left aside.
 * @param balancers all of them
 * @returns the windows that may be judged now, oldest first
 */
export function gathered(
  before: Gathered,
  balancers: readonly string[],
  told: Readonly<Record<string, readonly Followed[]>>,
  arms: readonly HostArms[],
): { readonly gathered: Gathered; readonly windows: readonly Window[] } {
  const waiting: Record<string, readonly Followed[]> = {};
  const newest: Record<string, number> = { ...before.newest };
  for (const name of balancers) {
    const some = told[name] ?? [];
    waiting[name] = [...(before.waiting[name] ?? []), ...some.filter(({ t }) => t > before.made)];
    newest[name] = Math.max(newest[name] ?? Number.NEGATIVE_INFINITY, ...some.map(({ t }) => t));
  }
  const last = Math.max(...balancers.map((name) => newest[name] ?? Number.NEGATIVE_INFINITY));
  const awaited = balancers.map((name) => newest[name] ?? Number.NEGATIVE_INFINITY).filter((t) => t >= last - PATIENCE);
  // One that never told anything is waited for as long as one that fell silent.
  const first = Math.min(...balancers.flatMap((name) => waiting[name]?.[0]?.t ?? []));
  const complete =
    awaited.length < balancers.length && last - first < PATIENCE ? Number.NEGATIVE_INFINITY : Math.min(...awaited);
  const times = new Set(
    balancers.flatMap((name) => (waiting[name] ?? []).map(({ t }) => t)).filter((t) => t <= complete),
  );
  const windows = [...times]
    .toSorted((a, b) => a - b)
    .map((t): Window => ({
      t,
      strata: balancers.flatMap((name) =>
        (waiting[name] ?? []).filter((window) => window.t === t).flatMap((window) => strataOf(name, window, arms)),
      ),
    }));
  const made = windows.at(-1)?.t ?? before.made;
  for (const name of balancers) waiting[name] = (waiting[name] ?? []).filter(({ t }) => t > made);
  return { gathered: { waiting, newest, made }, windows };
}

/**
 * A balancer's window: with two slots each host is its own control, for it runs both arms. With one, all canary hosts are held against all
 * others, and these against each other; so it is where a host lost its canary, for the others then bear its users too. None, where nobody was sent to the canary.
 */
function strataOf(balancer: string, window: Followed, arms: readonly HostArms[]): Stratum[] {
  if (window.buckets === 0 || window.buckets === 100) return [];
  const skipped: Skipped | undefined =
    window.moved === 1 ? 'the routing changed' : window.gap === 1 ? 'the log had a gap' : undefined;
  const by = new Map(window.upstreams.map((upstream) => [upstream.address, upstream]));
  const common = {
    balancer,
    share: window.buckets / 100,
    ...(skipped === undefined ? {} : { skipped }),
  };
  const sums = (address: string | null): Sums => sumsOf(address === null ? undefined : by.get(address), 0);
  if (arms.some(({ canary, baseline }) => canary === null || baseline === null)) {
    const added = (of: 'canary' | 'baseline'): Sums => ({
      ...arms.map((arm) => sums(arm[of])).reduce(withSums, NO_SUMS),
      newClients: window.clients[of],
    });
    const hosts = arms.flatMap(({ host, baseline }) => (baseline === null ? [] : [[host, sums(baseline)] as const]));
    return [{ ...common, canary: added('canary'), baseline: added('baseline'), hosts: Object.fromEntries(hosts) }];
  }
  return arms.map(({ host, canary, baseline }, at) => ({
    ...common,
    host,
    // A client may meet several hosts: it is new in its arm once.
    canary: { ...sums(canary), newClients: at === 0 ? window.clients.canary : 0 },
    baseline: { ...sums(baseline), newClients: at === 0 ? window.clients.baseline : 0 },
  }));
}

const sumsOf = (upstream: FollowedUpstream | undefined, newClients: number): Sums =>
  upstream === undefined
    ? { ...NO_SUMS, newClients }
    : {
        requests: upstream.n,
        errors: upstream.errors,
        errorsAll: upstream.errors_all,
        times: upstream.times.length === 0 ? NO_TIMES : histogram(upstream.times),
        newClients,
      };
