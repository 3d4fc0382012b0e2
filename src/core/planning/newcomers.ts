import type { Inventory } from '../inventory.ts';
import { newestRecord, seenBalancers, type FleetView } from '../fleet.ts';
import { fallback } from '../routing/groups.ts';
import { listed } from './listed.ts';
import { refused, type Refused } from './refusal.ts';

/**
 * Backends that came into the inventory since the newest record was written and that no release ever came to. As long as Nginx has not
 * loaded a configuration with them they are not of the fleet: no plan names a group by them, so that the reload which brings them in
 * comes only after their first roll. Where it has loaded one (an administrator installed it), they are of the fleet, and out of rotation.
 */
export function newcomers(inventory: Inventory, view: FleetView): ReadonlySet<string> {
  const unknown = unrecorded(inventory, view);
  if (unknown.size === 0) return unknown;
  const { configuration, switch: kind } = inventory.nginx;
  const loaded =
    configuration === 'fixed' &&
    kind === 'live' &&
    seenBalancers(view).every(([, seen]) => seen.declares(fallback, inventory));
  return loaded ? new Set() : unknown;
}

/** Backends of the inventory that the newest record does not know; none where there is no record. */
export function unrecorded(inventory: Inventory, view: FleetView): ReadonlySet<string> {
  const record = newestRecord(view);
  return new Set(
    record === null ? [] : inventory.backends.flatMap(({ name }) => (name in record.backends ? [] : [name])),
  );
}

/** The inventory without its newcomers. */
export function settledFleet(inventory: Inventory, view: FleetView): Inventory {
  const left = newcomers(inventory, view);
  return left.size === 0
    ? inventory
    : { ...inventory, backends: inventory.backends.filter(({ name }) => !left.has(name)) };
}

/** Why a command can't be about these backends: nothing ever ran on some of them. */
export function neverRolled(inventory: Inventory, view: FleetView, hosts: readonly string[]): Refused | undefined {
  const left = newcomers(inventory, view);
  const named = hosts.filter((name) => left.has(name));
  if (named.length === 0) return undefined;
  return refused(
    `${listed(named)} ${named.length === 1 ? 'is' : 'are'} new: no release ever ran there, and nothing is sent there.`,
    `\`orchestrate roll --hosts ${named.join(',')}\` takes a release there and puts it into rotation.`,
  );
}
