import type { Opened } from '../open.ts';
import type { Change } from '../change.ts';
import { planRollback } from '../core/planning/rollback.ts';
import { planBack } from '../core/planning/back.ts';
import { limitedBackends, type LimitFlags } from './named.ts';
import type { Size } from '../core/batch.ts';

export interface RollbackFlags extends LimitFlags {
  readonly batch?: readonly Size[];
}

/** Takes the fleet back to a release that every host has; by default the newest before the present one. */
export function rollbackChange(opened: Opened, release: string | undefined, flags: RollbackFlags): Promise<Change> {
  const { inventory } = opened;
  const hosts = limitedBackends(inventory, flags);
  return Promise.resolve({
    command: release === undefined ? 'rollback' : `rollback ${release}`,
    plan: (view, author) => {
      return planRollback(
        inventory,
        view,
        { ...(release === undefined ? {} : { release }), hosts, batch: flags.batch ?? inventory.roll.batch },
        author,
      );
    },
    back: (view, author, failed, givenUp) =>
      planBack(inventory, view, { release: failed.from ?? null, failed: failed.to, hosts, givenUp }, author),
  });
}
