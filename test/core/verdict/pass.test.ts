import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { lnPass, NOTHING_GOOD } from '../../../src/core/verdict/pass.ts';

test('golden values', () => {
  assert.equal(lnPass(NOTHING_GOOD, 0.01), 0);
  assert.equal(Math.exp(lnPass({ answered: 500, errors: 0 }, 0.01)).toFixed(3), '63.086');
  assert.equal(Math.exp(lnPass({ answered: 600, errors: 1 }, 0.01)).toFixed(3), '21.513');
});

test('an arm that errs as often as the bound makes no evidence by its next request, on the average', () => {
  const bounds = fc.double({ min: 1e-6, max: 0.9, noNaN: true });
  fc.assert(
    fc.property(bounds, fc.double({ min: 1, max: 1.1, noNaN: true }), (bound, worse) => {
      const rate = bound * worse;
      const mean =
        rate * Math.exp(lnPass({ answered: 1, errors: 1 }, bound)) +
        (1 - rate) * Math.exp(lnPass({ answered: 1, errors: 0 }, bound));
      assert.ok(mean <= 1 + 1e-9, `${mean}`);
    }),
  );
});

test('a success is evidence for it, an error against it; it is always a number', () => {
  const few = fc.integer({ min: 0, max: 1e9 });
  fc.assert(
    fc.property(few, few, fc.double({ min: 1e-6, max: 0.9, noNaN: true }), (successes, errors, bound) => {
      const now = lnPass({ answered: successes + errors, errors }, bound);
      assert.ok(Number.isFinite(now));
      assert.ok(lnPass({ answered: successes + errors + 1, errors }, bound) >= now);
      assert.ok(lnPass({ answered: successes + errors + 1, errors: errors + 1 }, bound) < now);
    }),
  );
});
