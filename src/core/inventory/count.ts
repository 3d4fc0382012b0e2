/** A number of hosts, as it stands in the inventory: `1`, `25%`. */
export type Count = number | `${number}%`;

/** How many of `of` hosts a count means: a share is rounded up, never below 1. May be more than `of`. */
export function countOf(share: Count, of: number): number {
  // Whole numbers only: 7% of 100 is 7, while 0.07 * 100 is a little more and would be rounded up to 8.
  const wanted = typeof share === 'number' ? share : Math.ceil((Number(share.slice(0, -1)) * of) / 100);
  return Math.max(1, wanted);
}
