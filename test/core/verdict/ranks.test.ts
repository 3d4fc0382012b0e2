import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { BINS, histogram, NO_TIMES, type Histogram } from '../../../src/core/verdict/bins.ts';
import { lnERanks, NO_RANKS, withTimes } from '../../../src/core/verdict/ranks.ts';

const arm: fc.Arbitrary<Histogram> = fc
  .array(fc.tuple(fc.integer({ min: 0, max: BINS - 1 }), fc.integer({ min: 1, max: 1e6 })), { maxLength: 20 })
  .map(histogram);

test('golden values', () => {
  assert.ok(Math.abs(lnERanks(NO_RANKS)) < 1e-12);
  assert.equal(lnERanks({ sum: -8000, variance: 44_444.44 }).toFixed(2), '-8.52');
});

test('a healthy busy canary is no evidence, however long it lives', () => {
  for (let requests = 1000; requests < 1e9; requests *= 10)
    assert.ok(lnERanks({ sum: -0.05 * requests, variance: requests / 3.6 }) < 0);
});

test('each time is ranked among those of the other arm, ties as a half', () => {
  const other = histogram([
    [10, 2],
    [20, 2],
  ]);
  const { sum, variance } = withTimes(NO_RANKS, histogram([[20, 1]]), other);
  assert.ok(Math.abs(sum - (0.75 - 0.55)) < 1e-12);
  assert.equal(variance, (1 + 1 / 4) / 4);
  assert.deepEqual(withTimes(NO_RANKS, NO_TIMES, other), NO_RANKS);
  assert.deepEqual(withTimes(NO_RANKS, other, NO_TIMES), NO_RANKS);
});

test('longer times are never less evidence; it is always a number', () => {
  fc.assert(
    fc.property(arm, arm, fc.integer({ min: 0, max: 50 }), (judged, other, by) => {
      const later = histogram(judged.map((count, bin) => [Math.min(BINS - 1, bin + by), count] as const));
      const [before, after] = [withTimes(NO_RANKS, judged, other), withTimes(NO_RANKS, later, other)].map(lnERanks);
      assert.ok(before !== undefined && after !== undefined && Number.isFinite(before) && Number.isFinite(after));
      assert.ok(after >= before - 1e-6);
    }),
  );
});
