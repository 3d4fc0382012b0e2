import { bucketsOf, shareOf } from '../split.ts';
import type { Split } from '../record.ts';

/** The group that a lane's folder stands for: what tells of an arm, or of connections that are being closed, stands before its name. */
export const groupOfLane = (folder: string): string =>
  folder.replace(/^closing-/, '').replace(/^(?:canary|stable)-/, '');

/**
 * The routing table: lane to folder. Where a split lives, some buckets lead to the canary's group and all others to the baseline's, and the
 * folders' names say which arm that is.
 * @param closing answers end their connections, before a reload
 */
export function tableOf(
  group: string,
  split: { readonly of: Split; readonly canary: string } | null,
  closing = false,
): Record<string, string> {
  const twin = closing ? 'closing-' : '';
  if (split === null) return { stable: `${twin}${group}` };
  const canary = `${twin}canary-${split.canary}`;
  const buckets = bucketsOf(split.of.name, shareOf(split.of));
  return {
    stable: `${twin}stable-${group}`,
    canary,
    ...Object.fromEntries(buckets.map((bucket) => [bucket, canary] as const)),
  };
}
