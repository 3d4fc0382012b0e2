import type { Opened } from '../open.ts';
import type { Change } from '../change.ts';
import type { FleetView } from '../core/fleet.ts';
import type { Inventory } from '../core/inventory.ts';
import type { Author } from '../core/planning/flip.ts';
import type { Planned } from '../core/planning/refusal.ts';
import { planReturn } from '../core/planning/return.ts';
import { planRollback } from '../core/planning/rollback.ts';
import { planBack } from '../core/planning/back.ts';
import { limitedBackends, type LimitFlags } from './named.ts';
import type { Size } from '../core/batch.ts';
import { hasTwo } from '../core/slots.ts';

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
  const hosts = limitedBackends(inventory, flags);
  const usual = rollbackOf(inventory, command, hosts, (view, author, left) =>
    planRollback(inventory, view, { ...wish, hosts: left }, author),
  );
  // What may be one flip: the whole fleet, with two slots each.
  if (hosts.length < inventory.backends.length || !inventory.backends.every(hasTwo)) return Promise.resolve(usual);
  const first: Change['first'] = (view, author) => {
    const plan = planReturn(inventory, view, release, author);
    if (plan?.to === undefined) return undefined;
    const { to } = plan;
    const rest: Change['plan'] = (now, by, aside) =>
      planRollback(inventory, now, { ...wish, release: to, hosts: hosts.filter((name) => !aside.has(name)) }, by);
    return { plan, rest };
  };
  return Promise.resolve({ ...usual, first });
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
