import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWorse, lnEErr, NO_EVIDENCE, withCounts, type Counts, type Evidence } from '../../src/core/verdict.ts';

const after = (windows: readonly (readonly [number, number, number, number])[]): Evidence =>
  windows.reduce(
    (evidence, [newRequests, newErrors, oldRequests, oldErrors]) =>
      withCounts(evidence, { newRequests, newErrors, oldRequests, oldErrors } satisfies Counts),
    NO_EVIDENCE,
  );

test('golden values', () => {
  assert.equal(lnEErr(NO_EVIDENCE), 0);
  const found = lnEErr(
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
    assert.equal(Math.exp(lnEErr(evidence)).toFixed(2), expected.toFixed(2));
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
  assert.ok(Number.isFinite(lnEErr(bad)));
  assert.ok(isWorse(bad, 0.01));
  const good = after(Array.from({ length: 5000 }, () => [1000, 2, 1000, 2] as const));
  assert.ok(Number.isFinite(lnEErr(good)));
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
