import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { failedReason, handReason } from '../../../src/core/planning/hand.ts';
import { planRest } from '../../../src/core/planning/rest.ts';
import type { Plan } from '../../../src/core/plan.ts';
import { interpret } from './interpreter.ts';
import { author, planOf, rollTo, viewOf, V1, V2, worldOf, type World } from './world.ts';
import { planRoll } from '../../../src/core/planning/roll.ts';

const rest = (world: World, ...failed: string[]): Plan =>
  planOf(planRest(world.inventory, viewOf(world), new Set(failed), author));

/** A roll that has web1 in hand, switched already, and was left there. */
function inHand(): World {
  const world = worldOf({ backends: 3 });
  const roll = planOf(planRoll(world.inventory, viewOf(world), rollTo(world), author));
  const at = roll.phases.findIndex(({ name }) => name === 'batch');
  interpret({ ...roll, phases: roll.phases.slice(0, at + 1) }, world);
  assert.equal(recordIn(world).backends['web1']?.reason, handReason(V2));
  return world;
}
const recordIn = (world: World) => [...world.balancers.values()][0]!.generations.get(recordNumber(world))!.record;
const recordNumber = (world: World): number => [...world.balancers.values()][0]!.live!;

describe('at rest', () => {
  test('what is in hand and well is back in rotation, and what was begun is still begun', () => {
    const world = inHand();
    const plan = rest(world);
    assert.deepEqual(
      plan.phases.map(({ title }) => title),
      ['see that web1 is healthy', 'web1 back in rotation'],
    );
    interpret(plan, world);
    assert.equal(recordIn(world).backends['web1']?.rotation, 'in');
    assert.equal(recordIn(world).intent?.to, V2);
    assert.deepEqual(rest(world).phases, []);
  });

  test('what failed stays out, and the record says why; the next roll takes it up again', () => {
    const world = inHand();
    const plan = rest(world, 'web1');
    assert.deepEqual(
      plan.phases.map(({ title }) => title),
      ['web1 stays out'],
    );
    interpret(plan, world);
    assert.equal(recordIn(world).backends['web1']?.reason, `could not be switched to ${V2}`);
    assert.deepEqual(rest(world, 'web1').phases, []);
    const next = planOf(planRoll(world.inventory, viewOf(world), rollTo(world), author));
    interpret(next, world);
    assert.equal(recordIn(world).backends['web1']?.rotation, 'in');
  });

  test('what can not be reached is taken out, if enough are left', () => {
    const world = inHand();
    world.backends.get('web3')!.reachable = false;
    const plan = rest(world);
    assert.equal(plan.phases.at(-1)?.title, 'web1 back in rotation, web3 out of rotation');
    world.backends.get('web2')!.reachable = false;
    const both = rest(world);
    assert.equal(both.phases.at(-1)?.title, 'web1 back in rotation');
    assert.match(both.notes.join(), /web2 and web3 can't be reached, and can't be spared/);
  });

  test('a fleet that has nothing in hand is left alone', () => {
    assert.deepEqual(rest(worldOf({ out: ['web2'] })).phases, []);
  });

  describe('where nothing is begun any more', () => {
    /** web1 was left out by a roll that went on without it. */
    const left = (running: string): Plan => {
      const world = worldOf({ backends: 3, out: ['web1'], runs: { web1: running, web2: V2, web3: V2 } });
      recordIn(world).backends['web1']!.reason = failedReason(V2);
      return rest(world);
    };

    test('a host that runs another version than the fleet stays out, and it is told', () => {
      const plan = left(V1);
      assert.deepEqual(plan.phases, []);
      assert.match(
        plan.notes.join('\n'),
        new RegExp(`web1 stays out: what runs there is not ${V2}, .*orchestrate roll`),
      );
    });

    test('one that runs what the fleet runs comes back', () => {
      assert.deepEqual(left(V2).phases.at(-1)?.rotation, { in: ['web1', 'web2', 'web3'], out: [] });
    });
  });
});
