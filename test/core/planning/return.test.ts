import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FleetView, SeenBalancer } from '../../../src/core/fleet.ts';
import { planRoll } from '../../../src/core/planning/roll.ts';
import { planReturn } from '../../../src/core/planning/return.ts';
import { interpret } from './interpreter.ts';
import { author, copied, names, planOf, rollTo, V1, V2, viewOf, worldOf, type World } from './world.ts';

/** Three backends with two slots each that were rolled from V1 to V2; V1 lingers for a minute more. */
function rolled(): World {
  const world = worldOf({ backends: 3, balancers: 2, two: names('web', 3) });
  interpret(planOf(planRoll(world.inventory, viewOf(world), rollTo(world), author)), world);
  for (const backend of world.backends.values())
    for (const slot of backend.slots.values()) if (slot.running === V1) slot.lingers = 60;
  return world;
}

/** The view of the balancers and the builder alone, with the lease of the command that wrote the record given up. */
function seen(world: World, { token = author.token, until = 0 } = {}): FleetView {
  const view = viewOf(world);
  const details = { by: 'ada@desk', command: 'roll', since: '' };
  const lease = { token, holder: 'h', term: 30, boot: 'b', until, details };
  const balancers = Object.entries(view.balancers).map(([name, balancer]) => [
    name,
    { ...(balancer as SeenBalancer), lease: { lease, remaining: until === 0 ? 0 : 9, died: false } },
  ]);
  const backends = Object.entries(view.backends).map(([name, backend]) => [
    name,
    name === 'web1' ? backend : { kind: 'unreachable', reason: 'it was not looked at' },
  ]);
  return {
    ...view,
    balancers: Object.fromEntries(balancers) as FleetView['balancers'],
    backends: Object.fromEntries(backends) as FleetView['backends'],
  };
}

const back = ({ inventory }: Pick<World, 'inventory'>, view: FleetView, release?: string) =>
  planReturn(inventory, view, release, author);

test('one look at each slot and one flip take a fleet back while the release before lingers', () => {
  const world = rolled();
  const plan = back(world, seen(world));
  assert.ok(plan !== undefined);
  assert.deepEqual([plan.from, plan.to], [V2, V1]);
  assert.deepEqual(
    plan.phases.map(({ name }) => name),
    ['health', 'flip'],
  );
  assert.equal(interpret(plan, world).ended, 'done');
  for (const backend of Object.values(viewOf(world).backends))
    assert.equal(backend.kind === 'seen' ? backend.running : '', V1);
});

test('where anything may have changed since, or takes more than a flip, everything is looked at first', () => {
  const cases: Record<string, (world: World) => ReturnType<typeof back>> = {
    'another command held the lease since': (world) => back(world, seen(world, { token: author.token + 1 })),
    'the command that wrote the record is at work': (world) => back(world, seen(world, { until: 99 })),
    'it was asked for another release': (world) => back(world, seen(world), '20261101-0000-0000000'),
    'the time of what lingers is nearly over': (world) => {
      for (const slot of world.backends.get('web1')!.slots.values()) if (slot.lingers !== null) slot.lingers = 9;
      return back(world, seen(world));
    },
    'the builder no longer runs it': (world) => {
      for (const slot of world.backends.get('web1')!.slots.values()) if (slot.running === V1) slot.running = null;
      return back(world, seen(world));
    },
    'a host has one slot': (world) => {
      const backends = world.inventory.backends.map((each) => ({ ...each, slots: each.slots.slice(0, 1) }));
      return back({ inventory: { ...world.inventory, backends } }, seen(world));
    },
    'a balancer was changed by hand': (world) => {
      world.balancers.get('lb2')!.live = 7;
      return back(world, seen(world));
    },
  };
  for (const [name, plan] of Object.entries(cases)) assert.equal(plan(copied(rolled())), undefined, name);
});
