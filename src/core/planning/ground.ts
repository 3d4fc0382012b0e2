import type { Inventory } from '../inventory.ts';
import type { FleetView } from '../fleet.ts';
import { countOf } from '../inventory/count.ts';
import type { Routing } from './flip.ts';
import { inHand, listed } from './switching.ts';
import { refused, type Refused } from './refusal.ts';

/** Why nothing may be changed on this fleet as it is, or undefined. `hosts` are the backends that are to be touched. */
export function groundFor(inventory: Inventory, view: FleetView, hosts: readonly string[]): Refused | undefined {
  return unreachable(view, hosts) ?? troubled(inventory, view, hosts);
}

function unreachable(view: FleetView, hosts: readonly string[]): Refused | undefined {
  const away = [
    ...Object.entries(view.balancers),
    ...hosts.map((name) => [name, view.backends[name]] as const),
  ].flatMap(([name, seen]) => (seen?.kind === 'unreachable' ? [`${name}: ${seen.reason}`] : []));
  if (away.length === 0) return undefined;
  return refused(
    `${away.length === 1 ? 'A host' : `${away.length} hosts`} could not be looked at; nothing was changed.`,
    'Mend the connection (`orchestrate check` tells more), or leave backends aside with --hosts.',
    away,
  );
}

/** Whether the balancers serve different generations: a flip that reached only some, or a balancer that was away. The next flip makes them equal. */
export function disagreeing(view: FleetView): boolean {
  const live = Object.values(view.balancers).flatMap((seen) => (seen.kind === 'seen' ? [seen.live] : []));
  return new Set(live).size > 1;
}

function troubled(inventory: Inventory, view: FleetView, hosts: readonly string[]): Refused | undefined {
  const seen = [...Object.entries(view.balancers), ...hosts.map((name) => [name, view.backends[name]] as const)];
  const problems = seen.flatMap(([name, host]) =>
    host?.kind === 'seen' ? host.problems.map((problem) => ({ name, ...problem })) : [],
  );
  const [first] = problems;
  if (first === undefined) return undefined;
  return refused(
    `${inventory.app} can't be changed as it is; nothing was touched.`,
    first.next,
    problems.map((problem) => `${problem.name}: ${problem.says}`),
  );
}

/**
 * Refuses batches that would leave fewer in rotation than `min_in_rotation`. Hosts that are out by a person's word stay out all the time;
 * those that an unfinished roll has in hand come back with their own batch.
 */
export function enoughLeft(
  inventory: Inventory,
  routing: Pick<Routing, 'out' | 'reasonOf'>,
  batches: readonly (readonly string[])[],
): Refused | undefined {
  const fleet = inventory.backends.length;
  const least = Math.min(countOf(inventory.roll.min_in_rotation, fleet), fleet);
  const out = new Set(routing.out);
  for (const batch of batches) {
    const left = fleet - new Set([...out, ...batch]).size;
    if (left < least && batch.some((host) => !out.has(host))) return tooFew(inventory, batch, [...out], left, least);
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
