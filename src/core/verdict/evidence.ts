import { above, minus, NO_TIMES, plus, quantile, totalOf, type Histogram } from './bins.ts';
import { lnSum } from './logs.ts';
import { lnERanks, NO_RANKS, ranksSince, withTimes, type Ranks } from './ranks.ts';
import { lnERatio, NO_EVIDENCE, withCounts, type Counts, type Ratios } from './ratio.ts';
import type { Sums } from './window.ts';

/** All that is known against an arm. It adds up, so that what came since a moment is a difference. */
export interface Evidence {
  readonly errors: Ratios;
  readonly slow: Ratios;
  readonly ranks: Ranks;
  /** Of the strata that were judged: for the medians. */
  readonly judged: Histogram;
  readonly other: Histogram;
}

export const NOTHING: Evidence = {
  errors: NO_EVIDENCE,
  slow: NO_EVIDENCE,
  ranks: NO_RANKS,
  judged: NO_TIMES,
  other: NO_TIMES,
};

/** How a stratum is read. */
export interface Terms {
  /** The judged arm's share of the users, where they are split. */
  readonly share?: number | undefined;
  /** The bin of the baseline's t99, frozen before: a time in a higher one is slow. Absent: none is. */
  readonly t99: number | undefined;
  /**
   * Slow requests of one moment count only so much: a host that stood still for two seconds makes many at once, and is no bad release. A
   * factor that is cut has no greater mean, so evidence stays what it is.
   */
  readonly holdBursts: boolean;
}

/** ln of the most that one stratum may multiply the evidence of slow requests by, where bursts are held. */
const BURST = 2;

/** The evidence after one more stratum. */
export function withStratum(evidence: Evidence, judged: Sums, other: Sums, terms: Terms): Evidence {
  const { share, t99 } = terms;
  return {
    errors: withCounts(
      evidence.errors,
      {
        newRequests: judged.requests,
        newErrors: judged.errors,
        oldRequests: other.requests,
        oldErrors: other.errors,
      },
      share,
    ),
    slow: t99 === undefined ? evidence.slow : withSlow(evidence.slow, slowOf(judged.times, other.times, t99), terms),
    ranks: withTimes(evidence.ranks, judged.times, other.times),
    judged: plus(evidence.judged, judged.times),
    other: plus(evidence.other, other.times),
  };
}

function withSlow(before: Ratios, counts: Counts, { share, holdBursts }: Terms): Ratios {
  const after = withCounts(before, counts, share);
  return holdBursts ? after.map((ln, at) => Math.min(ln, (before[at] ?? 0) + BURST)) : after;
}

const slowOf = (judged: Histogram, other: Histogram, t99: number): Counts => ({
  newRequests: totalOf(judged),
  newErrors: above(judged, t99),
  oldRequests: totalOf(other),
  oldErrors: above(other, t99),
});

/** ln E of each kind. 0: nothing is known; below 0: it speaks for the arm. */
export interface LnE {
  readonly errors: number;
  readonly tail: number;
  readonly rank: number;
}

/** @param before what is left out: the evidence as it stood at some moment, of which only what came since counts */
export const lnEOf = (now: Evidence, before: Evidence = NOTHING): LnE => ({
  errors: lnERatio(now.errors.map((ln, at) => ln - (before.errors[at] ?? 0))),
  tail: lnERatio(now.slow.map((ln, at) => ln - (before.slow[at] ?? 0))),
  rank: lnERanks(ranksSince(now.ranks, before.ranks)),
});

/** ln E of all kinds together: the mean of e-processes is one. */
export const lnTogether = ({ errors, tail, rank }: LnE): number =>
  lnSum([
    [errors, 1 / 2],
    [tail, 1 / 4],
    [rank, 1 / 4],
  ]);

/** Slower by so much at the median, or the ranks alone never fail a canary: what no user feels is nobody's reason to stop. */
const SLOWER_BY = 1.1;
const SLOWER_BY_MS = 5;

/** Whether the median of what came since `before` is slower by more than that. */
export function feltSlower(now: Evidence, before: Evidence): boolean {
  const ours = quantile(minus(now.judged, before.judged), 0.5);
  const theirs = quantile(minus(now.other, before.other), 0.5);
  return ours !== undefined && theirs !== undefined && ours >= Math.max(theirs * SLOWER_BY, theirs + SLOWER_BY_MS);
}
