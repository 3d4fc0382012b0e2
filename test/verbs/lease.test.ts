import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FleetView } from '../../src/core/fleet.ts';
import { breakChange } from '../../src/verbs/lease.ts';
import type { Opened } from '../../src/open.ts';
import { author, viewOf, worldOf, type World } from '../core/planning/world.ts';

/** A fleet whose lease Bob holds. */
function held(world: World): FleetView {
  const view = viewOf(world);
  const details = { by: 'bob', command: 'roll', since: '2026-11-24T01:00:00Z' };
  const lease = { lease: { token: 3, holder: 'b', details }, remaining: 20, died: false };
  const balancers = Object.entries(view.balancers).map(([name, seen]) => [
    name,
    seen.kind === 'seen' ? { ...seen, lease } : seen,
  ]);
  return { ...view, balancers: Object.fromEntries(balancers) as FleetView['balancers'] };
}

function planned(world: World) {
  const view = held(world);
  const change = breakChange({ inventory: world.inventory } as Opened, view);
  const result = change.plan(view, author, new Set());
  return result.kind === 'planned' ? result.plan : assert.fail(result.message);
}

test('a lease that is broken is told in the record on every balancer', () => {
  const { phases, notes } = planned(worldOf({ balancers: 2 }));
  assert.deepEqual(
    phases.map(({ name }) => name),
    ['flip'],
  );
  assert.deepEqual(notes, []);
});

test('not on some of them alone: the one that can’t be reached would be taken for changed by hand later', () => {
  const world = worldOf({ balancers: 2 });
  world.balancers.get('lb2')!.reachable = false;
  const { phases, notes } = planned(world);
  assert.deepEqual(phases, []);
  assert.match(notes.join('\n'), /^lb2 can't be reached: the fleet's record does not say that the lease was broken$/);
});
