import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  above,
  binOf,
  BINS,
  histogram,
  minus,
  NO_TIMES,
  plus,
  quantile,
  totalOf,
} from '../../../src/core/verdict/bins.ts';

test('bins are 5 % wide, from 1 ms to ten minutes', () => {
  assert.deepEqual(
    [0, 0.999, 1, 1.04, 1.06, 100, 601_000, 1e9, Number.MAX_VALUE].map(binOf),
    [0, 0, 1, 1, 2, 95, 273, 274, 274],
  );
});

const times = fc.array(fc.double({ min: 0, max: 1e7, noNaN: true }), { minLength: 1, maxLength: 60 });
const binned = (all: readonly number[]) => histogram(all.map((ms) => [binOf(ms), 1] as const));

test('a longer time is in no lower bin, and every bin is one of them', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, noNaN: true }), fc.double({ min: 0, noNaN: true }), (a, b) => {
      const [low, high] = [binOf(Math.min(a, b)), binOf(Math.max(a, b))];
      assert.ok(Number.isInteger(low) && low >= 0 && low <= high && high < BINS);
    }),
  );
});

test('a quantile is within a bin of the true one', () => {
  fc.assert(
    fc.property(times, fc.double({ min: 0.01, max: 1, noNaN: true }), (all, share) => {
      const found = quantile(binned(all), share) ?? Number.NaN;
      const rank = Math.max(1, Math.ceil(share * all.length - 1e-9));
      const exact = all.toSorted((a, b) => a - b)[rank - 1] ?? Number.NaN;
      assert.ok(Math.abs(binOf(found) - binOf(exact)) <= 1, `${found} ${exact}`);
    }),
  );
  assert.equal(quantile(NO_TIMES, 0.5), undefined);
});

test('histograms add up and come apart', () => {
  fc.assert(
    fc.property(times, times, (a, b) => {
      const both = plus(binned(a), binned(b));
      assert.deepEqual(both, binned([...a, ...b]));
      assert.deepEqual(minus(both, binned(b)), binned(a));
      assert.equal(totalOf(both), a.length + b.length);
      assert.equal(above(both, 100) + totalOf(both.slice(0, 101)), a.length + b.length);
    }),
  );
});
