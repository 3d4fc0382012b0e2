import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FleetView } from '../../../src/core/fleet.ts';
import { noReturn } from '../../../src/core/planning/one-way.ts';
import { planRollback } from '../../../src/core/planning/rollback.ts';
import { planRoll } from '../../../src/core/planning/roll.ts';
import { author, planOf, rollTo, viewOf, V0, V1, V2, worldOf } from './world.ts';

/** A fleet on V2, on whose builder these releases are told to leave no way back. */
function marked(mark: string | null): { inventory: ReturnType<typeof worldOf>['inventory']; view: FleetView } {
  const world = worldOf({ backends: 2, runs: { web1: V2, web2: V2 } });
  const view = viewOf(world);
  const web1 = view.backends['web1'];
  if (web1?.kind !== 'seen') throw new Error('web1 is not seen');
  return {
    inventory: world.inventory,
    view: { ...view, backends: { ...view.backends, web1: { ...web1, oneWay: mark } } },
  };
}

test('a release from before a migration that is not additive is not gone back to, but for a person who answers for it', () => {
  const { inventory, view } = marked(V2);
  const wish = { hosts: ['web1', 'web2'], batch: [1] };
  const refused = planRollback(inventory, view, wish, author);
  assert.equal(refused.kind, 'refused');
  assert.match(
    refused.kind === 'refused' ? refused.message : '',
    new RegExp(`not additive came with ${V2}: ${V1} may`),
  );
  assert.equal(planOf(planRollback(inventory, view, { ...wish, acrossMigration: true }, author)).to, V1);
});

test('the way back to what came with it, or after it, is free', () => {
  assert.equal(noReturn(marked(null).view, V0), undefined);
  assert.equal(noReturn(marked(V1).view, V2), undefined);
  assert.equal(noReturn(marked(V1).view, V1), undefined);
  assert.equal(noReturn(marked(V1).view, V0), V1);
});

test('where the operator’s machine builds, no other operator is bound by what stands on it: the backends are asked, and marked too', () => {
  const calls = (local: boolean): [script: string, hosts: string[]][] => {
    const world = worldOf({ backends: 2, local });
    const { phases } = planOf(planRoll(world.inventory, viewOf(world), rollTo(world), author));
    const steps = phases
      .filter(({ name }) => name === 'migrate')
      .flatMap(({ tracks }) => tracks.flatMap((each) => each.steps));
    return steps.flatMap((step) =>
      step.kind === 'run' ? [[step.script, step.calls.map(({ host }) => host)] as [string, string[]]] : [],
    );
  };
  assert.deepEqual(calls(true).slice(0, 3), [
    ['fence', ['web1', 'web2']],
    ['one-way', ['local', 'web1', 'web2']],
    ['migrate', ['local']],
  ]);
  assert.deepEqual(calls(false).slice(0, 2), [
    ['one-way', ['web1']],
    ['migrate', ['web1']],
  ]);
});
