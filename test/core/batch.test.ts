import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { countOf } from '../../src/core/inventory/count.ts';
import { batches, type Size } from '../../src/core/batch.ts';
import type { Backend } from '../../src/core/inventory.ts';
import { web, world } from './routing/world.ts';

const size = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 1, max: 100 }).map((n): Size => `${n}%`),
);

test('a share is rounded up and is never below one host', () => {
  assert.equal(countOf('25%', 4), 1);
  assert.equal(countOf('25%', 5), 2);
  assert.equal(countOf('1%', 3), 1);
  assert.equal(countOf('7%', 100), 7);
  assert.equal(countOf('100%', 9), 9);
  assert.equal(countOf(3, 9), 3);
});

test('the last size repeats', () => {
  const found = batches(world(web(20)).backends, { batch: [1, '10%', '50%'], order: 'inventory' });
  assert.deepEqual(
    found.map((batch) => batch.length),
    [1, 2, 10, 7],
  );
  assert.deepEqual(found[1], ['web2', 'web3']);
});

test('zones are rolled one at a time, a batch never holds two', () => {
  const backends = world(web(5)).backends.map((backend, at): Backend => ({ ...backend, zone: 'aabab'[at]! }));
  assert.deepEqual(batches(backends, { batch: [2], order: 'zones' }), [['web1', 'web2'], ['web4'], ['web3', 'web5']]);
});

test('every host once, sizes as asked, in the order of the inventory', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', 'b', 'c', undefined), { maxLength: 50 }),
      fc.array(size, { minLength: 1, maxLength: 4 }),
      fc.constantFrom('inventory' as const, 'zones' as const),
      (zones, batch, order) => {
        const backends = world(web(zones.length)).backends.map((backend, at): Backend =>
          zones[at] === undefined ? backend : { ...backend, zone: zones[at] },
        );
        const found = batches(backends, { batch, order });
        const zone = (name: string) => backends.find((backend) => backend.name === name)?.zone;
        assert.deepEqual(found.flat().toSorted(), web(zones.length).toSorted());
        if (order === 'inventory') assert.deepEqual(found.flat(), web(zones.length));
        found.forEach((hosts, at) => {
          const most = countOf(batch[at] ?? batch.at(-1)!, zones.length);
          assert.ok(hosts.length >= 1 && hosts.length <= most);
          const next = found[at + 1];
          const last = next === undefined || (order === 'zones' && zone(next[0]!) !== zone(hosts[0]!));
          if (!last) assert.equal(hosts.length, most);
          if (order === 'zones') assert.equal(new Set(hosts.map(zone)).size, 1);
        });
      },
    ),
  );
});
