import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FleetView } from '../../../src/core/fleet.ts';
import { noReturn } from '../../../src/core/planning/one-way.ts';
import { planRollback } from '../../../src/core/planning/rollback.ts';
import { author, planOf, viewOf, V0, V1, V2, worldOf } from './world.ts';

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
