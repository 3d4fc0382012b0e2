import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Phase } from '../../../src/core/plan.ts';
import { leavingAside } from '../../../src/core/planning/aside.ts';
import { planRoll } from '../../../src/core/planning/roll.ts';
import { author, planOf, rollTo, viewOf, worldOf } from './world.ts';

const asks = ({ tracks }: Phase): boolean =>
  tracks.length > 0 && tracks.every(({ steps }) => steps[0]?.kind === 'absent' && steps[0].host === 'lb2');

test('a balancer that is left aside is asked before anything is done, before each flip, and before each batch', () => {
  const world = worldOf({ backends: 3, balancers: 2, min: 1, out: ['web3'] });
  world.balancers.get('lb2')!.reachable = false;
  const { inventory } = world;
  const seen = { ...inventory, balancers: inventory.balancers.filter(({ name }) => name === 'lb1') };
  const view = viewOf(world);
  const { lb1 } = view.balancers;
  assert.ok(lb1 !== undefined);
  const planned = planRoll(seen, { ...view, balancers: { lb1 } }, rollTo(world), author);
  const { phases, notes } = planOf(leavingAside(planned, ['lb2']));
  assert.equal(phases[0]?.name, 'check');
  assert.ok(phases.filter(({ name }) => name === 'flip').every(asks));
  // The one that is out has no flip before it.
  for (const [at, phase] of phases.entries())
    if (phase.name === 'batch') assert.ok(asks(phase) || asks(phases[at - 1]!), phase.title);
  assert.match(notes.at(-1) ?? '', /^lb2 is left out by your word/);
});

test('a plan that has nothing to do, a refusal, and a fleet that is whole are left as they are', () => {
  const world = worldOf({ balancers: 2 });
  const planned = planRoll(world.inventory, viewOf(world), rollTo(world), author);
  assert.equal(leavingAside(planned, []), planned);
  const empty = { kind: 'planned', plan: { ...planOf(planned), phases: [] } } as const;
  assert.equal(leavingAside(empty, ['lb2']), empty);
});
