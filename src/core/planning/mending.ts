import type { Inventory } from '../inventory.ts';
import {
  complete,
  highestGeneration,
  newestRecord,
  seenBalancers,
  withServing,
  sparedBy,
  type FleetView,
  type SeenBalancer,
} from '../fleet.ts';
import type { Phase, Plan } from '../plan.ts';
import { outOf, type GenerationRecord } from '../record.ts';
import { hasTwo, portOf, secondOf } from '../slots.ts';
import { groupOf } from '../routing/groups.ts';
import { standings, type Standing } from '../standing.ts';
import { goodRecord } from './by-hand.ts';
import { Routing, type Author } from './flip.ts';
import { leastInRotation } from './ground.ts';
import { listed } from './listed.ts';
import { settledFleet } from './newcomers.ts';
import { runs, runsOn } from './prevailing.ts';
import { refused, type Planned, type Refused } from './refusal.ts';
import { publishStep } from './staging.ts';
import { health } from './health.ts';

/** What a person says of a routing that was changed by hand. */
export interface Truth {
  /** The balancer whose routing is taken for true. */
  readonly adopt?: string;
  /** What the newest record says that nobody edited is true. */
  readonly overwrite?: boolean;
}

/**
 * Plans a command on balancers that may differ. What was changed by hand is made one thing again first, if a person says which; balancers
 * that were away are given the static files that they missed, and catch up with the first flip, or by one of their own. `plan` then plans
 * the command itself, from the fleet as it will be by then.
 */
export function mending(
  inventory: Inventory,
  view: FleetView,
  truth: Truth,
  author: Author,
  plan: (view: FleetView) => Planned,
): Planned {
  const standing = standings(view);
  const kinds = new Set([...standing.values()].map(({ kind }) => kind));
  const said = truth.adopt !== undefined || truth.overwrite === true;
  if (said && (kinds.has('edited') || (truth.adopt !== undefined && kinds.size > 1))) {
    const mended = mend(inventory, view, truth, author);
    if ('kind' in mended) return mended;
    const planned = plan(mended.after);
    return planned.kind === 'refused'
      ? planned
      : preceded(planned.plan, [...mended.phases, ...missed(inventory, view, standing)]);
  }
  const planned = plan(view);
  // What has nothing to do moves nothing: to look at a lease or to break it is no reason to flip.
  if (planned.kind === 'refused' || kinds.has('edited') || planned.plan.phases.length === 0) return planned;
  const flips = planned.plan.phases.some(({ name }) => name === 'flip' || name === 'declare');
  const alone = kinds.size > 1 && !flips ? catchUp(inventory, view, author) : [];
  return preceded(planned.plan, [...missed(inventory, view, standing), ...alone]);
}

/** Looks come first: what they find ends the plan with nothing changed. */
function preceded(plan: Plan, phases: readonly Phase[]): Planned {
  const changes = plan.phases.findIndex(({ name }) => name !== 'check');
  const from = changes < 0 ? plan.phases.length : changes;
  const looks = phases.filter(({ name }) => name === 'check');
  const others = phases.filter(({ name }) => name !== 'check');
  const all = [...plan.phases.slice(0, from), ...looks, ...others, ...plan.phases.slice(from)];
  return { kind: 'planned', plan: { ...plan, phases: all } };
}

function catchUp(inventory: Inventory, view: FleetView, author: Author): Phase[] {
  if (newestRecord(view) === null) return [];
  const fleet = settledFleet(inventory, view);
  return new Routing(fleet, view, author, view.begun).flip('the balancers made equal again');
}

/** Static files of what runs, for balancers that were not there when they were published. */
function missed(inventory: Inventory, view: FleetView, standing: ReadonlyMap<string, Standing>): Phase[] {
  const { publish, command } = inventory.build.static;
  const hosts = [...standing].flatMap(([name, { kind }]) => (kind === 'behind' || kind === 'new' ? [name] : []));
  if (hosts.length === 0 || command === null || publish.to !== 'balancers') return [];
  const running = inventory.backends.flatMap(({ name }) => {
    const release = runs(view, name);
    return release !== null && complete(view.backends[name], release) ? [{ name, release }] : [];
  });
  const sources = [...new Map(running.map(({ name, release }) => [release, name]))];
  if (sources.length === 0) return [];
  return [
    {
      name: 'publish',
      title: `publish on ${listed(hosts)} the static files that came while ${hosts.length === 1 ? 'it was' : 'they were'} away`,
      tracks: [
        {
          host: listed(hosts),
          steps: sources.map(([release, builder]) => publishStep(inventory, { release, builder }, hosts)),
        },
      ],
    },
  ];
}

/** One flip that makes what a person says is true so on every balancer, once the backends that it brings in are seen healthy. */
function mend(
  inventory: Inventory,
  view: FleetView,
  truth: Truth,
  author: Author,
): Refused | { readonly phases: readonly Phase[]; readonly after: FleetView } {
  const away = Object.entries(view.balancers).flatMap(([name, seen]) =>
    seen.kind === 'unreachable' ? [`${name}: ${seen.reason}`] : [],
  );
  if (away.length > 0)
    return refused(
      "A balancer could not be looked at, so what is true on all can't be said; nothing was changed.",
      'Mend the connection, or give --without-balancer where it takes no traffic.',
      away,
    );
  const good = goodRecord(view);
  const record = truth.adopt === undefined ? good : adopted(inventory, view, truth.adopt, good, author);
  if (record === null)
    return refused(
      'No record can be read that nobody changed, so there is nothing to write.',
      '`--adopt BALANCER` takes for true what that balancer routes now.',
    );
  if ('kind' in record) return record;
  const believed: FleetView = {
    ...withServing(view, record),
    begun: record.intent ?? view.begun,
    balancers: Object.fromEntries(
      seenBalancers(view).map(([name, seen]) => [name, { ...seen, record, good: record, edits: [] }]),
    ),
  };
  const fleet = settledFleet(inventory, believed);
  // Of the command itself this flip is no part yet: whoever finds it alone must not take the job for done.
  const { job: _, ...by } = author;
  const routing = new Routing(fleet, believed, by, believed.begun);
  const short = tooFew(fleet, view, routing);
  if (short !== undefined) return short;
  const coming = fleet.backends.filter((backend) => {
    const { name } = backend;
    const port = routing.slotOf(name) ?? portOf(backend, false);
    const there = ({ sends }: SeenBalancer): boolean => {
      const lines = sends?.get(name);
      return lines?.out === false && lines.ports.includes(port);
    };
    return routing.in.includes(name) && !seenBalancers(view).every(([, seen]) => there(seen));
  });
  const title =
    truth.adopt === undefined
      ? `what the record of generation ${record.generation} says, written on all balancers`
      : `what ${truth.adopt} routes, made true on all balancers`;
  const flip = routing.flip(title);
  if (routing.missing.length > 0 && inventory.nginx.configuration === 'fixed')
    return refused(
      'Nginx has not loaded the groups that this needs, and nginx.configuration is `fixed`: nothing was changed.',
      `Let an administrator install what \`orchestrate init --print upstream\` prints as ${inventory.nginx.file}, test it and reload Nginx.`,
      routing.missing,
    );
  const seen = coming.filter(({ name }) => view.backends[name]?.kind === 'seen');
  const look: Phase = {
    name: 'check',
    title: `see that ${listed(seen.map(({ name }) => name))}, to which not all balancers send, ${seen.length === 1 ? 'is' : 'are'} healthy`,
    tracks: seen.map((backend) => ({ host: backend.name, steps: health(inventory, believed, backend) })),
  };
  return { phases: [...(seen.length > 0 ? [look] : []), ...flip], after: routing.seenAfter() };
}

/** The record that says what a balancer routes: whoever gets nothing from it is out, by hand if no record says why. */
function adopted(
  inventory: Inventory,
  view: FleetView,
  balancer: string,
  good: GenerationRecord | null,
  { by, command, at, token, holder }: Author,
): GenerationRecord | Refused {
  const seen = view.balancers[balancer];
  const sends = seen?.kind === 'seen' ? seen.sends : null;
  if (sends === null)
    return refused(
      `What ${balancer} routes can't be told: its Nginx does not tell what it has loaded.`,
      'See that Nginx runs there and has loaded its configuration (`orchestrate check`), or give --overwrite.',
    );
  const since = `@time:${highestGeneration(view) + 1}`;
  const backends = inventory.backends.flatMap((backend) => {
    const { name } = backend;
    const before = good?.backends[name];
    // What no record knows is new: that nothing is sent there is no hand's work.
    if (good !== null && before === undefined) return [];
    const { ports, out } = sends.get(name) ?? { ports: [], out: true };
    const known = before?.slot ?? portOf(backend, false);
    const port = ports.includes(known) ? known : (ports[0] ?? known);
    const release = (port === known ? before?.release : null) ?? runsOn(view, name, port);
    const slot = hasTwo(backend) ? { slot: port } : {};
    if (before !== undefined && (before.rotation === 'out') === out)
      return [[name, { ...before, release, ...slot }] as const];
    return [
      [
        name,
        out
          ? ({ rotation: 'out', reason: `by hand on ${balancer}`, since, by, release, ...slot } as const)
          : ({ rotation: 'in', since, release, ...slot } as const),
      ] as const,
    ];
  });
  const known = { backends: Object.fromEntries(backends) };
  const fleet = { ...inventory, backends: inventory.backends.filter(({ name }) => name in known.backends) };
  return {
    version: 1,
    app: inventory.app,
    generation: good?.generation ?? 0,
    table: { stable: groupOf(outOf(known), fleet, secondOf(known, fleet)).name },
    ...known,
    intent: good?.intent ?? null,
    ...(good?.served === undefined ? {} : { served: good.served }),
    ...(good?.jobs === undefined ? {} : { jobs: good.jobs }),
    token,
    holder,
    command,
    by,
    at,
  };
}

/** Refuses to take more from what serves than the inventory allows. */
function tooFew(inventory: Inventory, view: FleetView, routing: Routing): Refused | undefined {
  const least = leastInRotation(inventory);
  if (routing.in.length >= least) return undefined;
  const most = Math.min(
    ...seenBalancers(view).map(([, seen]) => inventory.backends.length - (sparedBy(seen, inventory) ?? []).length),
  );
  if (routing.in.length >= most) return undefined;
  return refused(
    `That would leave ${routing.in.length} of ${inventory.backends.length} backends in rotation; roll.min_in_rotation asks for ${least}.`,
    'Take the other way out, or lower roll.min_in_rotation.',
    [`out: ${listed(routing.out)}`],
    2,
  );
}
