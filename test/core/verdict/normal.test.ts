import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { halfSquarePlusLnPhi } from '../../../src/core/verdict/normal.ts';

test('z²/2 + ln Φ(z), to twelve digits', () => {
  // From 40-digit arithmetic: z²/2 + ln(erfc(−z/√2)/2).
  const known: readonly (readonly [number, number])[] = [
    [0, -Math.LN2],
    [-1, -1.341021645009264],
    [-3, -2.10772622151035],
    [-9.999, -3.231187052555521],
    [1, 0.3272462209765501],
    [3, 4.498649190035252],
  ];
  for (const [z, expected] of known)
    assert.ok(Math.abs(halfSquarePlusLnPhi(z) - expected) < 1e-12, `${z}: ${halfSquarePlusLnPhi(z)}`);
});

test('the three ways meet: no step where one takes over from the other', () => {
  for (const [seam, step] of [
    [-10, 2e-6],
    [-2 * Math.SQRT2, 2e-8],
    [0, 2e-8],
    [2 * Math.SQRT2, 2e-8],
  ] as const) {
    const [before, after] = [halfSquarePlusLnPhi(seam - 1e-9), halfSquarePlusLnPhi(seam + 1e-9)];
    assert.ok(Math.abs(after - before) < step, `${seam}: ${before} ${after}`);
  }
  assert.ok(Math.abs(halfSquarePlusLnPhi(-12) + 3.410673001568796) < 1e-6);
});

test('it grows with z, and is a number wherever z is one', () => {
  const z = fc.double({ min: -1e150, max: 1e150, noNaN: true });
  fc.assert(
    fc.property(z, z, (a, b) => {
      const [low, high] = [halfSquarePlusLnPhi(Math.min(a, b)), halfSquarePlusLnPhi(Math.max(a, b))];
      assert.ok(Number.isFinite(low) && Number.isFinite(high) && low <= high + 1e-9, `${a} ${b}: ${low} ${high}`);
    }),
  );
});
