import { lnMean } from './logs.ts';

/**
 * Evidence that one arm has more of something than another (errors, slow answers), valid however often one looks: an e-process. With equal
 * arms the chance that it ever reaches 1/alpha is at most alpha (Ville). docs/verdict.md has the reasons and the literature.
 */

/** One stratum: what both arms did in the same stretch of time on the same balancer. `new` is the arm that is judged. */
export interface Counts {
  readonly newRequests: number;
  readonly newErrors: number;
  readonly oldRequests: number;
  readonly oldErrors: number;
}

/** ln L_r for each ratio r of the grid. They add up: those of two stretches of time are those of both. */
export type Ratios = readonly number[];

/** The ratio of error rates that is tolerated, and those that are looked for. */
const TOLERATED = 1.5;
const LOOKED_FOR = [2, 3, 5, 10, 20, 50].map((ratio) => ratio / TOLERATED);
const LN_LOOKED_FOR = LOOKED_FOR.map(Math.log);

export const NO_EVIDENCE: Ratios = LOOKED_FOR.map(() => 0);

/**
 * The evidence after one more stratum. One in which an arm had no request says nothing.
 * @param share where users are split: the judged arm's share of them, above 0 and below 1; else the share is that of the requests
 */
export function withCounts(evidence: Ratios, counts: Counts, share?: number): Ratios {
  const { newRequests, newErrors, oldRequests, oldErrors } = counts;
  const errors = newErrors + oldErrors;
  if (newRequests <= 0 || oldRequests <= 0 || errors <= 0) return evidence;
  const [ours, theirs] = share === undefined ? [newRequests, oldRequests] : [share, 1 - share];
  const rho = (TOLERATED * ours) / (TOLERATED * ours + theirs);
  return LOOKED_FOR.map(
    (factor, at) =>
      (evidence[at] ?? 0) + newErrors * (LN_LOOKED_FOR[at] ?? 0) - errors * Math.log(rho * factor + 1 - rho),
  );
}

/** ln E: the mean of the grid's L_r. 0 where nothing is known. */
export const lnERatio = (evidence: Ratios): number => lnMean(evidence);

/** Whether the new arm is worse, at a chance of `alpha` (0 to 1) that a good one is ever called so. */
export const isWorse = (evidence: Ratios, alpha: number): boolean => lnERatio(evidence) >= -Math.log(alpha);
