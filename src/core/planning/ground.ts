import type { Inventory } from '../inventory.ts';
import { newestRecord, seenBalancers, type FleetView } from '../fleet.ts';
import { beside, secondOf } from '../slots.ts';
import { outOf } from '../record.ts';
import { groupOf } from '../routing/groups.ts';
import { groupOfLane } from '../routing/lanes.ts';
import { countOf } from '../inventory/count.ts';
import type { Phase } from '../plan.ts';
import type { Routing } from './flip.ts';
import { changedByHand } from './by-hand.ts';
import { inHand, NEW } from './hand.ts';
import { listed } from './listed.ts';
import { unrecorded } from './newcomers.ts';
import { refused, type Refused } from './refusal.ts';

/** Why nothing may be changed on this fleet as it is, or undefined. `hosts` are the backends that are to be touched. */
export function groundFor(inventory: Inventory, view: FleetView, hosts: readonly string[]): Refused | undefined {
  return (
    unreachable(view, hosts) ?? changedByHand(view) ?? lostSlot(inventory, view) ?? troubled(inventory, view, hosts)
  );
}

/** Why nothing may be changed where a slot serves that the inventory has no more: every group would send to another. */
export function lostSlot(inventory: Inventory, view: FleetView): Refused | undefined {
  const known = newestRecord(view)?.backends ?? {};
  const [first, ...others] = inventory.backends.flatMap(({ name, slots }) => {
    const slot = known[name]?.slot;
    return slot === undefined || slots.includes(slot) ? [] : [{ name, slot, slots }];
  });
  if (first === undefined) return undefined;
  const { name, slot, slots } = first;
  return refused(
    `${name} serves on port ${slot}, which its slots in the inventory (${slots.join(', ')}) lack; nothing was touched.`,
    `Give it both slots again. To take one away: roll once more, so that the other serves, let it linger no longer (\`orchestrate linger stop\`), then take it out.`,
    others.map((each) => `${each.name} serves on port ${each.slot}, its slots are ${each.slots.join(', ')}`),
    2,
  );
}

function unreachable(view: FleetView, hosts: readonly string[]): Refused | undefined {
  const away = [
    ...Object.entries(view.balancers),
    ...hosts.map((name) => [name, view.backends[name]] as const),
  ].flatMap(([name, seen]) => (seen?.kind === 'unreachable' ? [{ name, reason: seen.reason }] : []));
  if (away.length === 0) return undefined;
  const aside = away.some(({ name }) => name in view.balancers) ? '' : ', or leave it aside with --hosts';
  return refused(
    `${away.length === 1 ? 'A host' : `${away.length} hosts`} could not be looked at; nothing was changed.`,
    `Mend the connection as said above (\`orchestrate check\` tells more)${aside}.`,
    // A connection's own words begin with the host's name already.
    away.map(({ name, reason }) => (reason.startsWith(`${name} `) ? reason : `${name}: ${reason}`)),
  );
}

/**
 * Why the balancers can't be taken for what the newest record says, as the title of the flip that makes them so; undefined: they can.
 * A flip that reached only some, a balancer that was away, a reload that was begun and not ended.
 */
export function unsettled(inventory: Inventory, view: FleetView): string | undefined {
  const seen = seenBalancers(view).map(([, balancer]) => balancer);
  if (new Set(seen.map(({ live }) => live)).size > 1) return 'the balancers made equal again';
  const record = newestRecord(view);
  if (record === null) return undefined;
  const joined = [...unrecorded(inventory, view)];
  if (joined.length > 0) return `${listed(joined)} ${joined.length === 1 ? 'stays' : 'stay'} out until the first roll`;
  const left = Object.keys(record.backends).filter(
    (name) => !inventory.backends.some((backend) => backend.name === name),
  );
  if (left.length > 0) return `without ${listed(left)}, which the inventory no longer has`;
  if (record.table['stable']?.startsWith('closing-') === true) return 'connections are kept open again';
  const group = groupOf(outOf(record), inventory, secondOf(record, inventory));
  if (groupOfLane(record.table['stable'] ?? '') !== group.name && beside(inventory).size > 0)
    return 'the routing names the slots that serve';
  if (inventory.nginx.switch === 'reload' && !seen.every(({ declares }) => declares(group, inventory)))
    return 'the configuration as the record says';
  return undefined;
}

/**
 * The flip that makes the balancers what the newest record says, or that tells it that nothing is left of what was begun; none if all is so.
 * `aside`: backends that it goes without; those of them that are still in rotation leave it.
 */
export function settling(
  inventory: Inventory,
  view: FleetView,
  routing: Routing,
  release: string | null,
  aside: ReadonlySet<string> = new Set(),
): Phase[] {
  const record = newestRecord(view);
  const over = inventory.backends.every(({ name }) => {
    const seen = view.backends[name];
    const reason = routing.reasonOf(name);
    return (
      reason === NEW || aside.has(name) || (!inHand(reason) && (seen?.kind !== 'seen' || seen.running === release))
    );
  });
  if (over) routing.finish(release);
  const leaving = [...aside].filter((name) => record?.backends[name]?.rotation === 'in' && routing.out.includes(name));
  const title =
    (leaving.length > 0 ? `${listed(leaving)} out of rotation` : undefined) ??
    unsettled(inventory, view) ??
    (over && record !== null && view.begun !== null ? 'nothing is left of what was begun' : undefined);
  return title === undefined ? [] : routing.flip(title);
}

function troubled(inventory: Inventory, view: FleetView, hosts: readonly string[]): Refused | undefined {
  const seen = [...Object.entries(view.balancers), ...hosts.map((name) => [name, view.backends[name]] as const)];
  const problems = seen.flatMap(([name, host]) =>
    host?.kind === 'seen' ? host.problems.map((problem) => ({ name, ...problem })) : [],
  );
  const [first] = problems;
  if (first === undefined) return undefined;
  const several = new Set(problems.map(({ next }) => next)).size > 1;
  return refused(
    `${inventory.app} can't be changed as it is; nothing was touched.`,
    several ? 'Mend each of these; `orchestrate check` tells more.' : first.next,
    problems.map(({ name, says, next }) => `${name}: ${says}${several ? `. ${next}` : ''}`),
  );
}

/** How many backends must never be drained below: at least one. */
export const leastInRotation = ({ roll, backends }: Inventory): number =>
  Math.min(countOf(roll.min_in_rotation, backends.length), backends.length);

/**
 * Refuses batches that would leave fewer in rotation than `min_in_rotation`. Hosts that are out by a person's word stay out all the time;
 * those that an unfinished roll has in hand come back with their own batch. `over`: those that need not leave.
 */
export function enoughLeft(
  inventory: Inventory,
  routing: Pick<Routing, 'out' | 'reasonOf'>,
  batches: readonly (readonly string[])[],
  over: ReadonlyMap<string, unknown> = new Map(),
): Refused | undefined {
  const fleet = inventory.backends.length;
  const least = leastInRotation(inventory);
  const out = new Set(routing.out);
  for (const batch of batches) {
    const leaving = batch.filter((host) => !over.has(host));
    const left = fleet - new Set([...out, ...leaving]).size;
    if (left < least && leaving.some((host) => !out.has(host)))
      return tooFew(inventory, leaving, [...out], left, least);
    for (const host of batch) if (inHand(routing.reasonOf(host))) out.delete(host);
  }
  return undefined;
}

function tooFew(
  inventory: Inventory,
  batch: readonly string[],
  out: readonly string[],
  left: number,
  least: number,
): Refused {
  const fleet = inventory.backends.length;
  return refused(
    `Taking ${listed(batch)} out would leave ${left} of ${fleet} backends in rotation; roll.min_in_rotation asks for ${least}.`,
    fleet === 1
      ? 'One backend can not be restarted without a lost request: add a second.'
      : 'Give a smaller --batch, enable hosts that are out, or lower roll.min_in_rotation.',
    out.length > 0 ? [`out already: ${listed(out)}`] : [],
    2,
  );
}
