import { BINS, totalOf, type Histogram } from './bins.ts';
import { halfSquarePlusLnPhi } from './normal.ts';

/** Evidence that one arm's times are longer as a whole: each is ranked among those that the other arm had in the same stratum. */
export interface Ranks {
  /** Of ECDF − ½ − δ, over all times of the judged arm. */
  readonly sum: number;
  /** What the sum may vary by, at the most, when the arms are equal. */
  readonly variance: number;
}

export const NO_RANKS: Ranks = { sum: 0, variance: 0 };

/** δ: so much more than a half of the others may be quicker. */
const TOLERANCE = 0.05;
/** η: for which sizes of a shift the mixture is quickest. */
const ETA = 0.5;

/** The evidence after one more stratum. One in which an arm had no time says nothing. */
export function withTimes({ sum, variance }: Ranks, judged: Histogram, other: Histogram): Ranks {
  const ours = totalOf(judged);
  const theirs = totalOf(other);
  if (ours <= 0 || theirs <= 0) return { sum, variance };
  let ranks = 0;
  let below = 0;
  for (let bin = 0; bin < BINS; bin += 1) {
    const count = judged[bin] ?? 0;
    const same = other[bin] ?? 0;
    if (count > 0) ranks += count * (below + same / 2);
    below += same;
  }
  return {
    sum: sum + ranks / theirs - ours * (0.5 + TOLERANCE),
    variance: variance + (ours * (1 + ours / theirs)) / 4,
  };
}

/** What came since `before`. */
export const ranksSince = (now: Ranks, before: Ranks): Ranks => ({
  sum: now.sum - before.sum,
  variance: Math.max(0, now.variance - before.variance),
});

/** ln E of a one-sided normal mixture. 0 where nothing is known. */
export function lnERanks({ sum, variance }: Ranks): number {
  const widened = 1 + ETA * ETA * variance;
  return Math.LN2 - Math.log(widened) / 2 + halfSquarePlusLnPhi((ETA * sum) / Math.sqrt(widened));
}
