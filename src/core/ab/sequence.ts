import { lnBeta } from './ln-beta.ts';

/**
 * By how much more (or less) of something one side has than the other, as a confidence sequence: the chance that the range *ever* leaves out
 * the truth is at most what is given, however often one looks and whenever one stops. Each of those who reach a goal is on side B with
 * chance θ, which is B's share where both sides are alike. For the true θ the likelihood of what is seen under a beta distribution around
 * that share, divided by its likelihood under θ, is a martingale that begins with 1 (Robbins 1970): it reaches 20 with a chance of 1 in 20.
 */
export interface Reached {
  /** Distinct clients who reached it. */
  readonly a: number;
  readonly b: number;
}

/** B's rate divided by A's: 1 is "alike". */
export interface Range {
  /** 0: no bound yet. */
  readonly low: number;
  /** Infinity: no bound yet. */
  readonly high: number;
}

/** How much is bet on "alike": as if so many had been seen at B's share. */
const WEIGHT = 10;
/** The logarithm of odds never gets there with counts that a computer holds. */
const FURTHEST = 700;

/**
 * @param share B's share of the users, above 0 and below 1
 * @param risk the chance that the range ever leaves out the truth, above 0 and below 1
 */
export function rangeOf({ a, b }: Reached, share: number, risk: number): Range {
  const [priorB, priorA] = [WEIGHT * share, WEIGHT * (1 - share)];
  const mixture = lnBeta(priorB + b, priorA + a) - lnBeta(priorB, priorA);
  // By the logarithm of θ's odds, for ratios near 0 and large ones alike. Convex, and least at the ratio that was seen.
  const against = (odds: number): number => mixture + b * softplus(-odds) + a * softplus(odds);
  const bound = -Math.log(risk);
  const within = (odds: number): boolean => against(odds) < bound;
  const seen = a === 0 || b === 0 ? 0 : Math.log(b / a);
  const even = Math.log(share / (1 - share));
  return {
    low: b === 0 ? 0 : Math.exp(edge(within, a === 0 ? FURTHEST : seen, -FURTHEST) - even),
    high: a === 0 ? Number.POSITIVE_INFINITY : Math.exp(edge(within, b === 0 ? -FURTHEST : seen, FURTHEST) - even),
  };
}

/** ln(1 + exp(x)). */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** Where it ends to be so between a place at which it is and one at which it isn't. */
function edge(within: (at: number) => boolean, inside: number, outside: number): number {
  let [good, bad] = [inside, outside];
  for (let halved = 0; halved < 70; halved += 1) {
    const middle = (good + bad) / 2;
    if (within(middle)) good = middle;
    else bad = middle;
  }
  // The outer one: a range is rather a trifle too wide.
  return bad;
}

/**
 * The range of what several balancers have counted, each for itself: a client that comes by two of them is counted by both, so their counts
 * are not added. Each has its part of the risk, and the truth is in all ranges at once.
 * @returns undefined where the ranges have nothing in common: the balancers' users differ
 */
export function rangeOfAll(counted: readonly Reached[], share: number, risk: number): Range | undefined {
  const ranges = counted.map((each) => rangeOf(each, share, risk / counted.length));
  const [low, high] = [Math.max(0, ...ranges.map((each) => each.low)), Math.min(...ranges.map((each) => each.high))];
  return low <= high ? { low, high } : undefined;
}
