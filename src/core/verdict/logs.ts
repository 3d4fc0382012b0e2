/**
 * ln of the sum of `weight × exp(ln)`. Evidence is kept in logarithms, for the factors of a busy hour pass any number.
 * @param terms at least one; weights above 0
 */
export function lnSum(terms: readonly (readonly [ln: number, weight: number])[]): number {
  let highest = Number.NEGATIVE_INFINITY;
  for (const [ln] of terms) if (ln > highest) highest = ln;
  let sum = 0;
  for (const [ln, weight] of terms) sum += weight * Math.exp(ln - highest);
  return highest + Math.log(sum);
}

/** ln of the mean of `exp(ln)`. */
export const lnMean = (lns: readonly number[]): number =>
  lnSum(lns.map((ln) => [ln, 1] as const)) - Math.log(lns.length);
