import { createHash } from 'node:crypto';
import type { GenerationRecord, Split } from './record.ts';

/** All buckets, `00` to `99`: a hundredth of the users each. */
const BUCKETS = Array.from({ length: 100 }, (_, at) => String(at).padStart(2, '0'));

/**
 * The buckets of a share: the first of a permutation that the name seeds. Whoever was in at a smaller share stays in at a larger one, and
 * not the same users are in every experiment.
 * @param share of a hundred, 0 to 100
 */
export function bucketsOf(name: string, share: number): string[] {
  const place = (bucket: string): string => createHash('sha256').update(`${name} ${bucket}`).digest('hex');
  return BUCKETS.map((bucket) => [place(bucket), bucket] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, share)
    .map(([, bucket]) => bucket)
    .toSorted();
}

/** The share of the users that a split gives to its canary now, of a hundred. */
export const shareOf = ({ share, paused }: Pick<Split, 'share' | 'paused'>): number => (paused === true ? 0 : share);

/** Who meets the canary now. */
export const splitWords = ({ share, paused }: Pick<Split, 'share' | 'paused'>): string =>
  paused === true ? `paused at ${share} %` : `for ${share} % of the users`;

/** The split that lives by a record. */
export const splitOf = (record: Pick<GenerationRecord, 'split'> | null): Split | null => record?.split ?? null;
