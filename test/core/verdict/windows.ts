import { binOf, histogram } from '../../../src/core/verdict/bins.ts';
import { opened, type Judge, type Rules } from '../../../src/core/verdict/judge.ts';
import { NO_SUMS, type Stratum, type Sums, type Window } from '../../../src/core/verdict/window.ts';

/** By what a live canary is judged, by the inventory's defaults. */
export const LIVE: Rules = {
  falseAlarms: 0.01,
  maxErrorRate: 0.01,
  hold: 0,
  restarts: true,
  merging: true,
  gates: true,
};

export const judgeOf = (rules: Partial<Rules> = {}, t99?: number): Judge => opened({ ...LIVE, ...rules }, t99);

/** An arm of a test, in which each client comes once: no rule about clients takes anything from its counts. */
export function sums(requests: number, errors = 0, ms: readonly number[] = []): Sums {
  const times = histogram(ms.map((each) => [binOf(each), 1] as const));
  return { ...NO_SUMS, requests, errors, errorsAll: errors, times, newClients: requests };
}

export const stratum = (canary: Sums, baseline: Sums, more: Partial<Stratum> = {}): Stratum => ({
  balancer: 'lb1',
  canary,
  baseline,
  ...more,
});

export const window = (t: number, ...strata: readonly Stratum[]): Window => ({ t, strata });
