import type { Opened } from '../open.ts';
import type { Change } from '../change.ts';
import { planPrune } from '../core/planning/prune.ts';

/** Removes what no release that is kept needs. */
export function pruneChange(opened: Opened): Promise<Change> {
  return Promise.resolve({
    command: 'prune',
    plan: (view) => planPrune(opened.inventory, view),
  });
}
