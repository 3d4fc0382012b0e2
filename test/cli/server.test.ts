import assert from 'node:assert/strict';
import { test } from 'node:test';
import { orderText } from '../../src/core/api/order.ts';
import { orderFrom } from '../../src/cli/server.ts';

test('a command becomes an order of its flags alone, and is told as it would be typed', () => {
  const terminal = { yes: true, json: true, verbose: true, server: 'http://x', inventory: undefined };
  const roll = orderFrom('roll', { ...terminal, ref: 'v2', batch: [1, '25%'], hosts: 'web1' });
  assert.deepEqual(roll, { verb: 'roll', ref: 'v2', batch: [1, '25%'], hosts: 'web1' });
  assert.equal(orderText(roll), 'roll --ref v2 --batch 1,25% --hosts web1');
  // oxlint-disable-next-line unicorn/no-thenable -- the flag is called so
  const ab = orderFrom('ab', { ...terminal, b: 'v2', until: '2026-12-01T06:00', then: 'b', share: 40 });
  assert.deepEqual(ab, { verb: 'ab', b: 'v2', until: '2026-12-01T06:00', next: 'b', share: 40 });
  assert.equal(orderText(ab), 'ab --b v2 --until 2026-12-01T06:00 --then b --share 40%');
  assert.deepEqual(orderFrom('drain', { ...terminal, reason: 'x' }, { names: ['web1'] }), {
    verb: 'drain',
    reason: 'x',
    names: ['web1'],
  });
  assert.throws(() => orderFrom('ab', terminal), /`ab` can't be ordered so/);
});
