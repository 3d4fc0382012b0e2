import type { Inventory } from '../inventory.ts';
import type { FleetView } from '../fleet.ts';
import { complete } from '../fleet.ts';
import { batches, type Size } from '../batch.ts';
import { Routing, type Author } from './flip.ts';
import { declaring } from './declaring.ts';
import { disagreeing, enoughLeft, groundFor } from './ground.ts';
import { handFirst, inHand, listed, switching } from './switching.ts';
import { prevailing } from './back.ts';
import { refused, type Planned } from './refusal.ts';

export interface RollbackWish {
  /** Absent: the newest before the present one that every host has. */
  readonly release?: string;
  /** The backends to touch. */
  readonly hosts: readonly string[];
  readonly batch: readonly Size[];
}

/** The roll backwards: nothing is built or shipped, so every host must have the release complete. */
export function planRollback(inventory: Inventory, view: FleetView, wish: RollbackWish, author: Author): Planned {
  const ground = groundFor(inventory, view, wish.hosts);
  if (ground !== undefined) return ground;
  const present = prevailing(view);
  const common = commonReleases(view, wish.hosts);
  const release = wish.release ?? common.findLast((name) => present === null || name < present);
  if (release === undefined)
    return refused(
      `No release before ${present ?? 'the present one'} is complete on every host.`,
      '`orchestrate releases` lists what each host has; `orchestrate roll --ref` builds any commit anew.',
    );
  const lacking = wish.hosts.filter((host) => !complete(view.backends[host], release));
  if (lacking.length > 0)
    return refused(
      `${release} is not complete on ${listed(lacking)}.`,
      common.length > 0 ? `Every host has: ${common.join(', ')}.` : '`orchestrate roll --ref` builds any commit anew.',
    );
  const routing = new Routing(inventory, view, author, {
    kind: 'rollback',
    from: present,
    to: release,
    by: author.by,
    command: author.command,
    at: author.at,
  });
  const before = disagreeing(view) ? routing.flip('the balancers made equal again') : [];
  const touched = inventory.backends.filter(
    ({ name }) => wish.hosts.includes(name) && !settled(view, routing, name, release),
  );
  const order = batches(
    handFirst(touched, routing),
    { ...inventory.roll, batch: wish.batch },
    inventory.backends.length,
  );
  const short = enoughLeft(inventory, routing, order);
  if (short !== undefined) return short;
  const phases = [...before, ...switching(inventory, view, routing, { release, batches: order, restart: false })];
  const goal = {
    title: `back to ${release} on ${listed(touched.map(({ name }) => name))}`,
    from: present,
    to: release,
  };
  return declaring(inventory, routing, goal, phases, []);
}

/** Whether a host has nothing left to do: it runs the release, says so by its link, and no roll has it in hand. */
export function settled(view: FleetView, routing: Routing, name: string, release: string): boolean {
  const seen = view.backends[name];
  return (
    seen?.kind === 'seen' && seen.running === release && seen.current === release && !inHand(routing.reasonOf(name))
  );
}

/** Releases that are complete on all of the hosts, oldest first. */
function commonReleases(view: FleetView, hosts: readonly string[]): string[] {
  const [first, ...others] = hosts.map((host) => {
    const seen = view.backends[host];
    return new Set(seen?.kind === 'seen' ? seen.releases.map(({ release }) => release) : []);
  });
  return [...(first ?? [])].filter((name) => others.every((other) => other.has(name))).toSorted();
}
