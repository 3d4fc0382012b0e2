/**
 * Times in bins: 0 is below 1 ms, else 1 + ⌊ln(t / 1 ms) / ln 1.05⌋, at most 274 (some ten minutes). Bins are 5 % wide, so that a follower
 * sends some dozens of numbers and never the times themselves. Both arms are binned alike.
 */
export const BINS = 275;
const LN_STEP = Math.log(1.05);

/** How many times fell into each bin; as long as there are bins. */
export type Histogram = readonly number[];

export const NO_TIMES: Histogram = Array.from({ length: BINS }, () => 0);

/** @param ms a time in milliseconds, 0 or more */
export const binOf = (ms: number): number => (ms < 1 ? 0 : Math.min(BINS - 1, 1 + Math.floor(Math.log(ms) / LN_STEP)));

/** Where a bin begins, in milliseconds. */
export const beginOf = (bin: number): number => (bin === 0 ? 0 : Math.exp((bin - 1) * LN_STEP));

export function histogram(counted: Iterable<readonly [bin: number, count: number]>): Histogram {
  const found = [...NO_TIMES];
  for (const [bin, count] of counted) found[bin] = (found[bin] ?? 0) + count;
  return found;
}

export function plus(a: Histogram, b: Histogram): Histogram {
  if (a === NO_TIMES) return b;
  if (b === NO_TIMES) return a;
  const found = a.slice();
  for (let bin = 0; bin < BINS; bin += 1) found[bin] = (found[bin] ?? 0) + (b[bin] ?? 0);
  return found;
}

export function minus(a: Histogram, b: Histogram): Histogram {
  if (b === NO_TIMES) return a;
  const found = a.slice();
  for (let bin = 0; bin < BINS; bin += 1) found[bin] = (found[bin] ?? 0) - (b[bin] ?? 0);
  return found;
}

export const totalOf = (times: Histogram): number => {
  let sum = 0;
  for (const count of times) sum += count;
  return sum;
};

/** How many are in higher bins than this one. */
export const above = (times: Histogram, bin: number): number => totalOf(times.slice(bin + 1));

/**
 * The time that a share of all stays below, in milliseconds; within a bin it is taken to grow evenly.
 * @param share 0 to 1
 * @returns undefined where there is no time at all
 */
export function quantile(times: Histogram, share: number): number | undefined {
  const total = totalOf(times);
  if (total === 0) return undefined;
  let below = 0;
  for (let bin = 0; bin < BINS; bin += 1) {
    const count = times[bin] ?? 0;
    if (count > 0 && below + count >= share * total) {
      const within = Math.max(0, share * total - below) / count;
      return beginOf(bin) + within * (beginOf(bin + 1) - beginOf(bin));
    }
    below += count;
  }
  return undefined;
}
