import type { Backend, Inventory } from '../inventory.ts';
import type { FleetView } from '../fleet.ts';
import { complete, seenBalancers } from '../fleet.ts';
import type { Phase } from '../plan.ts';
import { batches } from '../batch.ts';
import { restoring } from './configuring.ts';
import { bestDeclared, inTwo, type Order } from './cut.ts';
import { Routing, type Author } from './flip.ts';
import { declaring } from './declaring.ts';
import { leastInRotation, lostSlot, settling } from './ground.ts';
import { changedByHand } from './by-hand.ts';
import { inHand, LOST, NEW } from './hand.ts';
import { listed } from './listed.ts';
import { atOnce, movingOver, names, together } from './moving.ts';
import { settledFleet } from './newcomers.ts';
import { runs } from './prevailing.ts';
import { switching } from './switching.ts';
import { refused, type Planned } from './refusal.ts';

/** What a failed plan leaves to be put right. */
export interface Way {
  /** The release to go back to; null: none ran before. */
  readonly release: string | null;
  /** The release that it would have taken them to. */
  readonly failed: string | undefined;
  /** The backends that the failed plan was for. */
  readonly hosts: readonly string[];
  /** Backends that did not come back when it was tried: they stay as they are. */
  readonly givenUp?: ReadonlySet<string>;
}

/**
 * Puts the fleet back on one release after a failure, by the same careful road as forward, without pauses: what runs something else is
 * switched in batches, what the failed roll had in hand comes back into rotation. A host that can't be reached is taken out, if enough
 * are left: it can't be vouched for. To be planned and run again until nothing is left to do.
 */
export function planBack(whole: Inventory, view: FleetView, way: Way, author: Author): Planned {
  const { release, failed, hosts, givenUp = new Set() } = way;
  // It moves nothing, so it is done though another balancer can't be reached.
  const not = tornConfiguration(whole, view) ?? balancersAway(view) ?? changedByHand(view) ?? lostSlot(whole, view);
  if (not !== undefined) return not;
  const inventory = settledFleet(whole, view);

  const begun = new Routing(inventory, view, author, null);
  const concerned = inventory.backends.filter(
    ({ name }) =>
      !givenUp.has(name) && begun.reasonOf(name) !== NEW && (hosts.includes(name) || inHand(begun.reasonOf(name))),
  );
  const astray = concerned.filter(({ name }) => {
    const seen = view.backends[name];
    if (seen?.kind !== 'seen') return false;
    if (inHand(begun.reasonOf(name))) return true;
    // What a person took out is only put right where the failed plan switched it.
    const switched = seen.running === failed || seen.current === failed;
    // A plan from no release to none only put the routing right: whatever runs has run before it too.
    const moved = release !== null || failed !== undefined;
    return moved && seen.running !== release && (begun.in.includes(name) || switched);
  });
  if (release === null && astray.length > 0)
    return refused(
      'No release ran on this fleet before, so there is none to go back to.',
      'Mend what failed and roll again.',
    );
  const lost = concerned
    .map(({ name }) => name)
    .filter((name) => begun.in.includes(name) && view.backends[name]?.kind !== 'seen');
  const lacking = astray.filter(({ name }) => release !== null && !complete(view.backends[name], release));
  const held = astray.filter((backend) => inHand(begun.reasonOf(backend.name)) && !lacking.includes(backend));
  const staysOut = begun.out.length - held.length + lost.length;
  const room = inventory.backends.length - staysOut - leastInRotation(inventory);
  const over = movingOver(inventory, view, names(astray), release ?? '');
  const tight = astray.filter(({ name }) => room < 1 && begun.in.includes(name) && !over.has(name));
  const coming = astray.filter((backend) => !lacking.includes(backend) && !tight.includes(backend));
  const attempt = ({ order, leaves }: Road) => {
    const routing = new Routing(inventory, view, author, view.begun);
    const phases: Phase[] = [];
    const leave = (): void => {
      const leaving = lost.filter((name) => routing.in.includes(name));
      if (leaving.length === 0 || routing.in.length - leaving.length < leastInRotation(inventory)) return;
      for (const name of leaving) routing.takeOut(name, LOST);
      phases.push(...routing.flip(`${listed(leaving)} out of rotation`));
    };
    if (leaves === 'first') leave();
    if (release !== null) phases.push(...switching(whole, view, routing, { release, batches: order, hurry: true }));
    if (leaves !== 'never') leave();
    if (phases.length === 0) phases.push(...settling(inventory, view, routing, release));
    return { routing, phases, order };
  };
  // Where Nginx has not loaded the groups for all, and may not be told to, those that move over all go together, or those alone that the
  // failed plan took along, or had in hand at least; the others stay what they are.
  const ordered = (some: readonly Backend[]): readonly Order[] => {
    const rest = (others: readonly Backend[]): readonly Order[] => orders(inventory, others, begun, room);
    return [...atOnce(some, over, rest), ...together(some, over, rest)];
  };
  const taken = coming.filter(({ name }) => inHand(begun.reasonOf(name)) || runs(view, name) === failed);
  const ways =
    inventory.nginx.configuration === 'fixed'
      ? [...ordered(coming), ...ordered(taken), inTwo(coming, begun).held]
      : ordered(coming);
  const roads = LEAVING.flatMap((leaves) => ways.map((order): Road => ({ order, leaves })));
  const { routing, phases, order } = bestDeclared(attempt, roads);
  const undeclared = coming.filter(({ name }) => !order.flat().includes(name));
  const left = [
    { hosts: lacking, why: `${release} is not complete there` },
    { hosts: tight, why: 'too few would be left in rotation' },
    { hosts: undeclared, why: 'Nginx has not loaded the groups for it, and may not be told to' },
  ].filter(({ hosts: some }) => some.length > 0);
  const title = `${left.length === 0 ? 'all hosts' : listed(order.flat())} back to ${release ?? 'what they were'}`;
  const stay = lost.filter((name) => routing.in.includes(name));
  const notes = [
    ...left.map(({ hosts: some, why }) => `${listed(names(some))} can't be put back: ${why}`),
    ...(stay.length > 0
      ? [`${listed(stay)} can't be reached, and stays in rotation: it can't be spared, or taken out`]
      : []),
  ];
  const goal = { title, from: release, ...(release === null ? {} : { to: release }) };
  return declaring(inventory, routing.missing, goal, phases, notes);
}

/** Without every balancer nothing can be put right: why, in words. */
export function balancersAway(view: FleetView): Planned | undefined {
  const away = Object.entries(view.balancers).flatMap(([name, seen]) =>
    seen.kind === 'unreachable' ? [`${name}: ${seen.reason}`] : [],
  );
  if (away.length === 0) return undefined;
  return refused(
    "A balancer can't be reached: no backend can be taken from it, so none may be restarted.",
    'Mend the connection, then `orchestrate resume` or `orchestrate rollback`: it goes on from here.',
    away,
  );
}

/** A text that was written and never loaded goes first: what Nginx then has loaded, the next look tells. */
export function tornConfiguration(inventory: Inventory, view: FleetView): Planned | undefined {
  const torn = seenBalancers(view).flatMap(([name, { unloaded }]) => (unloaded ? [name] : []));
  if (torn.length === 0 || inventory.nginx.configuration !== 'managed' || inventory.nginx.switch !== 'live')
    return undefined;
  return declaring(inventory, [], { title: 'the configuration as it was' }, [restoring(inventory, torn)], []);
}

/** When those leave rotation that can't be reached: at once if it can be. */
const LEAVING = ['first', 'last', 'never'] as const;

interface Road {
  readonly order: Order;
  readonly leaves: (typeof LEAVING)[number];
}

/**
 * Ways to cut what comes back into batches: the others as a roll does it, as far as there is room, or one by one.
 */
function orders(inventory: Inventory, coming: readonly Backend[], routing: Routing, room: number): Order[] {
  const { held, others } = inTwo(coming, routing);
  const most = Math.max(1, room);
  const cut = batches(others, inventory.roll, inventory.backends.length).flatMap((batch) =>
    Array.from({ length: Math.ceil(batch.length / most) }, (_, at) => batch.slice(at * most, (at + 1) * most)),
  );
  return [
    [...held, ...cut],
    [...held, ...others.map(({ name }) => [name])],
  ];
}
