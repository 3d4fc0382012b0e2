import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  isWorse,
  lnERatio,
  NO_EVIDENCE,
  withCounts,
  type Counts,
  type Ratios,
} from '../../../src/core/verdict/ratio.ts';

const after = (windows: readonly (readonly [number, number, number, number])[]): Ratios =>
  windows.reduce(
    (evidence, [newRequests, newErrors, oldRequests, oldErrors]) =>
      withCounts(evidence, { newRequests, newErrors, oldRequests, oldErrors } satisfies Counts),
    NO_EVIDENCE,
  );

test('golden values', () => {
  assert.equal(lnERatio(NO_EVIDENCE), 0);
  const found = lnERatio(
    after([
      [50, 1, 450, 0],
      [50, 2, 450, 1],
      [60, 1, 440, 0],
    ]),
  );
  assert.equal(found.toFixed(6), '4.420245');
  const again = [3.33, 13.83, 65.72, 336.14, 1794.13];
  again.forEach((expected, at) => {
    const evidence = after(Array.from({ length: at + 1 }, () => [10, 1, 90, 0] as const));
    assert.equal(Math.exp(lnERatio(evidence)).toFixed(2), expected.toFixed(2));
  });
});

test('a stratum in which an arm had no request says nothing', () => {
  assert.deepEqual(
    after([
      [0, 0, 100, 5],
      [10, 10, 0, 0],
    ]),
    NO_EVIDENCE,
  );
});

test('it does not overflow, and judges by one alpha', () => {
  const bad = after(Array.from({ length: 5000 }, () => [1000, 900, 1000, 1] as const));
  assert.ok(Number.isFinite(lnERatio(bad)));
  assert.ok(isWorse(bad, 0.01));
  const good = after(Array.from({ length: 5000 }, () => [1000, 2, 1000, 2] as const));
  assert.ok(Number.isFinite(lnERatio(good)));
  assert.ok(!isWorse(good, 0.01));
  assert.ok(!isWorse(NO_EVIDENCE, 0.01));
});

test('equal arms are called worse no more often than alpha, though looked at after every window', () => {
  let seed = 42;
  const chance = (): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };
  const errors = (requests: number): number => Array.from({ length: requests }, chance).filter((n) => n < 0.02).length;
  let alarms = 0;
  for (let run = 0; run < 200; run += 1) {
    let evidence = NO_EVIDENCE;
    for (let window = 0; window < 60; window += 1) {
      const counts = { newRequests: 10, newErrors: errors(10), oldRequests: 40, oldErrors: errors(40) };
      evidence = withCounts(evidence, counts);
      if (isWorse(evidence, 0.05)) {
        alarms += 1;
        break;
      }
    }
  }
  assert.ok(alarms <= 10, `${alarms} of 200`);
});

test('more errors of the new arm are never less evidence; strata add up in any order; it is always a number', () => {
  const arm = fc.tuple(fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 0, max: 1e4 }));
  const stratum = fc
    .tuple(arm, arm)
    .map(([[a, x], [b, y]]): readonly [number, number, number, number] => [a + x, x, b + y, y]);
  fc.assert(
    fc.property(fc.array(stratum, { minLength: 1, maxLength: 8 }), (strata) => {
      const found = lnERatio(after(strata));
      assert.ok(Number.isFinite(found));
      assert.ok(Math.abs(lnERatio(after(strata.toReversed())) - found) <= 1e-9 * (1 + Math.abs(found)));
      const [[n, x, m, y] = [0, 0, 0, 0], ...rest] = strata;
      if (n > x) assert.ok(lnERatio(after([[n, x + 1, m, y], ...rest])) >= found - 1e-9 * (1 + Math.abs(found)));
    }),
  );
});

test('the share of a split counts in place of the requests', () => {
  const counts = { newRequests: 700, newErrors: 1, oldRequests: 300, oldErrors: 1 };
  const [byShare, byRequests] = [withCounts(NO_EVIDENCE, counts, 0.7), withCounts(NO_EVIDENCE, counts)].map(lnERatio);
  assert.equal(byShare?.toFixed(9), byRequests?.toFixed(9));
  assert.ok(lnERatio(withCounts(NO_EVIDENCE, counts, 0.1)) > lnERatio(withCounts(NO_EVIDENCE, counts)));
});
