import { plus, quantile, type Histogram, NO_TIMES } from '../verdict/bins.ts';
import type { Reading } from '../verdict/reading.ts';
import { NO_SUMS, withSums, type Sums, type Window } from '../verdict/window.ts';

/** What one arm did around one moment. */
export interface ArmPoint {
  readonly requests: number;
  readonly errors: number;
  /** Milliseconds; absent where no time is known. */
  readonly median?: number;
  readonly p99?: number;
}

/** A canary's course at one moment, for who draws it. */
export interface Point {
  /** Seconds of the epoch. */
  readonly t: number;
  /** Of 1; 0: nobody was split. */
  readonly share: number;
  readonly canary: ArmPoint;
  readonly baseline: ArmPoint;
  /** Natural logarithms of the evidence by then. */
  readonly worse: number;
  readonly good: number;
}

/** A window as a point, with what would be said after it. */
export function pointOf({ t, strata }: Window, reading: Reading): Point {
  const seen = strata.filter(({ skipped }) => skipped === undefined);
  return {
    t,
    share: strata[0]?.share ?? 0,
    canary: armOf(seen.map(({ canary }) => canary)),
    baseline: armOf(seen.map(({ baseline }) => baseline)),
    worse: reading.lnTogether,
    good: reading.lnPass,
  };
}

function armOf(all: readonly Sums[]): ArmPoint {
  const { requests, errorsAll } = all.reduce(withSums, NO_SUMS);
  const times = all.reduce<Histogram>((sum, each) => plus(sum, each.times), NO_TIMES);
  const [median, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
  return {
    requests,
    errors: errorsAll,
    ...(median === undefined ? {} : { median }),
    ...(p99 === undefined ? {} : { p99 }),
  };
}
