import type { Inventory } from '../inventory.ts';
import type { BackendView, FleetView } from '../fleet.ts';
import { complete, newestRecord } from '../fleet.ts';
import type { Phase } from '../plan.ts';
import { batches } from '../batch.ts';
import { Routing, type Author } from './flip.ts';
import { declaring } from './declaring.ts';
import { disagreeing } from './ground.ts';
import { handFirst, inHand, listed, switching } from './switching.ts';
import { refused, type Planned } from './refusal.ts';

/**
 * Puts the fleet back on one release after a failure, by the same careful road as forward: what runs something else is switched in
 * batches, what the failed roll had in hand comes back into rotation. A host that can't be reached is taken out: it can't be vouched for.
 */
export function planBack(inventory: Inventory, view: FleetView, release: string | null, author: Author): Planned {
  const routing = new Routing(inventory, view, author, null);
  const held = inventory.backends.filter(({ name }) => inHand(routing.reasonOf(name)));
  const lost = inventory.backends.filter(({ name }) => view.backends[name]?.kind === 'unreachable');
  const astray = inventory.backends.filter(
    ({ name }) =>
      !lost.some((host) => host.name === name) &&
      (held.some((host) => host.name === name) || runs(view.backends[name], release) === false),
  );
  if (release === null && astray.length > 0)
    return refused(
      'No release ran on this fleet before, so there is none to go back to.',
      'Mend what failed and roll again.',
    );
  const lacking =
    release === null
      ? []
      : astray.filter(({ name }) => !complete(view.backends[name], release)).map(({ name }) => name);
  if (lacking.length > 0)
    return refused(
      `${listed(lacking)} ${lacking.length === 1 ? 'does' : 'do'} not have ${release} complete, so it can't be put back there.`,
      'Mend what failed and roll again; until then the fleet stays mixed, and what is out stays out.',
    );

  for (const { name } of lost)
    if (!routing.out.includes(name) || inHand(routing.reasonOf(name)))
      routing.takeOut(name, 'could not be reached while going back');
  const order = handFirst(astray, routing);
  const phases: Phase[] = routing.restore(unloaded(view));
  if (lost.length > 0) phases.push(...routing.flip(`${listed(lost.map(({ name }) => name))} out of rotation`));
  if (release !== null)
    phases.push(
      ...switching(inventory, view, routing, {
        release,
        // One at a time where somebody is lost: the groups of pairs are declared, larger ones may not be.
        batches: batches(
          order,
          lost.length > 0 ? { ...inventory.roll, batch: [1] } : inventory.roll,
          inventory.backends.length,
        ),
        restart: false,
      }),
    );
  if (phases.length === 0 && disagreeing(view)) phases.push(...routing.flip('the balancers made equal again'));
  const title = release === null ? 'the routing as it was' : `all hosts back to ${release}`;
  return declaring(
    inventory,
    routing,
    { title, from: release, ...(release === null ? {} : { to: release }) },
    phases,
    [],
  );
}

/** Balancers on which a configuration was written and not loaded. */
const unloaded = (view: FleetView): string[] =>
  Object.entries(view.balancers).flatMap(([name, seen]) => (seen.kind === 'seen' && seen.unloaded ? [name] : []));

/** undefined: not known. */
function runs(backend: BackendView | undefined, release: string | null): boolean | undefined {
  if (backend?.kind !== 'seen') return undefined;
  return backend.running === release;
}

/** The release that most backends run, `but` not counted; null: none runs any. */
export function prevailing(view: FleetView, but?: string): string | null {
  const counts = new Map<string, number>();
  for (const backend of Object.values(view.backends))
    if (backend.kind === 'seen' && backend.running !== null && backend.running !== 'unsure' && backend.running !== but)
      counts.set(backend.running, (counts.get(backend.running) ?? 0) + 1);
  return [...counts].toSorted(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))[0]?.[0] ?? null;
}

/** What to go back to if a switch to `to` fails: what most of the others run; where all run `to` already, what an unfinished roll came from. */
export function origin(view: FleetView, to: string): string | null {
  return prevailing(view, to) ?? newestRecord(view)?.intent?.from ?? prevailing(view);
}
