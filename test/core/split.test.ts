import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { groupOfLane, tableOf } from '../../src/core/routing/lanes.ts';
import { bucketsOf } from '../../src/core/split.ts';

const names = fc.string({ minLength: 1, maxLength: 40 });
const shares = fc.integer({ min: 0, max: 100 });

test('a share is so many buckets, and whoever was in at a smaller one is in at a larger', () => {
  fc.assert(
    fc.property(names, shares, shares, (name, one, other) => {
      const [less, more] = [Math.min(one, other), Math.max(one, other)];
      const [few, many] = [bucketsOf(name, less), new Set(bucketsOf(name, more))];
      assert.equal(few.length, less);
      assert.equal(many.size, more);
      for (const bucket of few) assert.ok(many.has(bucket));
      for (const bucket of many) assert.match(bucket, /^[0-9]{2}$/);
      assert.deepEqual(bucketsOf(name, less), few);
    }),
  );
});

test('not the same users are in every experiment', () => {
  const times = Array.from({ length: 100 }, () => 0);
  for (let canary = 0; canary < 1000; canary += 1)
    for (const bucket of bucketsOf(`canary ${canary}`, 10)) times[Number(bucket)]! += 1;
  // Each is in a tenth of them: a hundred times in a thousand, and five standard deviations are 47.
  for (const [bucket, many] of times.entries()) assert.ok(Math.abs(many - 100) < 47, `bucket ${bucket}: ${many}`);
});

const of = {
  name: 'c',
  follower: 'f',
  canary: 'new',
  baseline: 'old',
  side: 'second',
  share: 3,
  steps: [],
  hold: 1,
  promote: 'ask',
  unwatched: 'abort',
  by: '',
  command: '',
  at: '',
} as const;

test('a table names the arms where a split lives, and closes both for a reload', () => {
  assert.deepEqual(tableOf('first', null), { stable: 'first' });
  assert.deepEqual(tableOf('first', null, true), { stable: 'closing-first' });
  const split = { of: { ...of, steps: [] }, canary: 'second' };
  const { stable, canary, ...buckets } = tableOf('first', split);
  assert.deepEqual([stable, canary], ['stable-first', 'canary-second']);
  assert.deepEqual(Object.keys(buckets).toSorted(), bucketsOf('c', 3));
  assert.deepEqual([...new Set(Object.values(buckets))], ['canary-second']);
  const closing = tableOf('first', split, true);
  assert.deepEqual([closing['stable'], closing['canary']], ['closing-stable-first', 'closing-canary-second']);
  const paused = tableOf('first', { ...split, of: { ...split.of, paused: true } });
  assert.deepEqual(paused, { stable: 'stable-first', canary: 'canary-second' });
  for (const folder of ['first', 'stable-first', 'canary-first', 'closing-first', 'closing-canary-first'])
    assert.equal(groupOfLane(folder), 'first');
});
