/**
 * Evidence that one arm errs more than another, valid however often one looks: an e-process. With equal arms the chance that it ever
 * reaches 1/alpha is at most alpha (Ville). Everything is kept as logarithms, for the factors of a busy hour pass any number.
 */

/** One stratum: what both arms did in the same stretch of time on the same balancer. */
export interface Counts {
  readonly newRequests: number;
  readonly newErrors: number;
  readonly oldRequests: number;
  readonly oldErrors: number;
}

/** ln L_r for each ratio r of the grid. */
export type Evidence = readonly number[];

/** The ratio of error rates that is tolerated, and those that are looked for. */
const TOLERATED = 1.5;
const RATIOS = [2, 3, 5, 10, 20, 50] as const;

export const NO_EVIDENCE: Evidence = RATIOS.map(() => 0);

/** The evidence after one more stratum. One in which an arm had no request says nothing. */
export function withCounts(evidence: Evidence, counts: Counts): Evidence {
  const { newRequests, newErrors, oldRequests, oldErrors } = counts;
  if (newRequests <= 0 || oldRequests <= 0) return evidence;
  const rho = (TOLERATED * newRequests) / (TOLERATED * newRequests + oldRequests);
  const errors = newErrors + oldErrors;
  return RATIOS.map((ratio, at) => {
    const factor = ratio / TOLERATED;
    return (evidence[at] ?? 0) + newErrors * Math.log(factor) - errors * Math.log(rho * factor + 1 - rho);
  });
}

/** ln E_err: the mean of the grid's L_r. 0 where nothing is known. */
export function lnEErr(evidence: Evidence): number {
  const highest = Math.max(...evidence);
  return highest + Math.log(evidence.reduce((sum, ln) => sum + Math.exp(ln - highest), 0) / evidence.length);
}

/** Whether the new arm is worse, at a chance of `alpha` (0 to 1) that a good one is ever called so. */
export function isWorse(evidence: Evidence, alpha: number): boolean {
  return lnEErr(evidence) >= -Math.log(alpha);
}
