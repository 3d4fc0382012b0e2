import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planPrune } from '../../../src/core/planning/prune.ts';
import { planRoll } from '../../../src/core/planning/roll.ts';
import { interpret } from './interpreter.ts';
import { author, planOf, rollTo, viewOf, worldOf, V1, V2, type World } from './world.ts';

const calls = (world: World, script: string): (readonly string[])[] =>
  planOf(planPrune(world.inventory, viewOf(world))).phases.flatMap(({ tracks }) =>
    tracks.flatMap(({ steps }) =>
      steps.flatMap((step) =>
        step.kind === 'run' && step.script === script ? step.calls.map(({ args }) => args) : [],
      ),
    ),
  );

test('releases that failed push out none that has served, and their unpublished files hold nothing up', () => {
  const plain = worldOf({ balancers: 1 });
  const { build } = plain.inventory;
  const publish = { to: 'balancers', path: '/srv/www/static' } as const;
  const world = {
    ...plain,
    inventory: { ...plain.inventory, build: { ...build, static: { ...build.static, publish } } },
  };
  interpret(planOf(planRoll(world.inventory, viewOf(world), rollTo(world), author)), world);
  const failed = Array.from({ length: 9 }, (_, at) => `2026112${at}-0000-3333333`);
  for (const backend of world.backends.values()) backend.releases = [...backend.releases, ...failed].toSorted();
  for (const [, keep, ...guarded] of calls(world, 'prune-releases'))
    assert.deepEqual([keep, ...guarded], ['5', V1, V2]);
  const [[, ...kept] = []] = calls(world, 'prune-static');
  const behind = kept.indexOf('--');
  assert.deepEqual(kept.slice(0, behind), [V1, V2]);
  assert.deepEqual(kept.slice(behind + 1), failed.slice(-5));
});
