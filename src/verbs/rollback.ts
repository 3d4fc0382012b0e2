import type { Opened } from '../open.ts';
import type { Change } from '../change.ts';
import type { FleetView } from '../core/fleet.ts';
import type { Inventory } from '../core/inventory.ts';
import type { Author } from '../core/planning/flip.ts';
import type { Planned } from '../core/planning/refusal.ts';
import { planRollback } from '../core/planning/rollback.ts';
import { planBack } from '../core/planning/back.ts';
import { limitedBackends, type LimitFlags } from './named.ts';
import type { Size } from '../core/batch.ts';

export interface RollbackFlags extends LimitFlags {
  readonly batch?: readonly Size[];
  readonly acrossMigration?: boolean;
}

/** Takes the fleet back to a release that every host has; by default the newest before the present one. */
export function rollbackChange(opened: Opened, release: string | undefined, flags: RollbackFlags): Promise<Change> {
  const { inventory } = opened;
  const batch = flags.batch ?? inventory.roll.batch;
  const wish = {
    ...(release === undefined ? {} : { release }),
    batch,
    acrossMigration: flags.acrossMigration === true,
  };
  const command = release === undefined ? 'rollback' : `rollback ${release}`;
  return Promise.resolve(
    rollbackOf(inventory, command, limitedBackends(inventory, flags), (view, author, hosts) =>
      planRollback(inventory, view, { ...wish, hosts }, author),
    ),
  );
}

/** A rollback as a change: how it is planned anew, and what to do if it fails. */
export function rollbackOf(
  inventory: Inventory,
  command: string,
  hosts: readonly string[],
  plan: (view: FleetView, author: Author, hosts: readonly string[]) => Planned,
): Change {
  return {
    command,
    plan: (view, author, aside) =>
      plan(
        view,
        author,
        hosts.filter((name) => !aside.has(name)),
      ),
    back: (view, author, failed, givenUp) =>
      planBack(inventory, view, { release: failed.from ?? null, failed: failed.to, hosts, givenUp }, author),
  };
}
