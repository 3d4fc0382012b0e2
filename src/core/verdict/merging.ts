import { withSums, type Stratum, type Sums } from './window.ts';

/**
 * Windows of one stratum that are too thin to be judged alone are merged until they hold a canary's request and this many in all, or for so
 * many seconds. Decided on counts and on time alone, never on what became of the requests: else the evidence would be worth nothing.
 */
const LEAST_REQUESTS = 50;
const LONGEST = 60;

/** What waits for more, for each stratum. */
export type Waiting = ReadonlyMap<string, { readonly since: number; readonly stratum: Stratum }>;

const nameOf = ({ balancer, host = '' }: Stratum): string => `${balancer} ${host}`;

/** Adds a window's strata to what waits. `ready` are those that may be judged now. Strata are never merged across a change of the share. */
export function merged(
  waiting: Waiting,
  t: number,
  strata: readonly Stratum[],
): { readonly waiting: Waiting; readonly ready: readonly Stratum[] } {
  const still = new Map(waiting);
  const ready: Stratum[] = [];
  for (const stratum of strata) {
    const name = nameOf(stratum);
    const before = still.get(name);
    const apart = before !== undefined && (before.stratum.share !== stratum.share || t - before.since >= LONGEST);
    if (apart) ready.push(before.stratum);
    const grown =
      before === undefined || apart
        ? { since: t, stratum }
        : { since: before.since, stratum: together(before.stratum, stratum) };
    const { canary, baseline } = grown.stratum;
    if (canary.requests >= 1 && canary.requests + baseline.requests >= LEAST_REQUESTS) {
      ready.push(grown.stratum);
      still.delete(name);
    } else still.set(name, grown);
  }
  return { waiting: still, ready };
}

const together = (a: Stratum, b: Stratum): Stratum => ({
  ...b,
  canary: withSums(a.canary, b.canary),
  baseline: withSums(a.baseline, b.baseline),
  ...(a.hosts !== undefined || b.hosts !== undefined ? { hosts: byHost(a.hosts ?? {}, b.hosts ?? {}) } : {}),
});

function byHost(a: Readonly<Record<string, Sums>>, b: Readonly<Record<string, Sums>>): Record<string, Sums> {
  const found = new Map(Object.entries(a));
  for (const [host, sums] of Object.entries(b)) {
    const before = found.get(host);
    found.set(host, before === undefined ? sums : withSums(before, sums));
  }
  return Object.fromEntries(found);
}
