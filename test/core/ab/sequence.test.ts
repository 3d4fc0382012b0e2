import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lnBeta } from '../../../src/core/ab/ln-beta.ts';
import { rangeOf, rangeOfAll } from '../../../src/core/ab/sequence.ts';
import { seeded } from '../../../src/core/verdict/random.ts';

/** To so many digits. */
const near = (found: number, wanted: number, digits = 9): void =>
  assert.ok(Math.abs(found - wanted) <= Math.abs(wanted) * 10 ** -digits, `${found}, not ${wanted}`);

test('the beta function, as C knows it', () => {
  near(lnBeta(0.5, 9.5), -0.5401291163594983, 12);
  near(lnBeta(1234.5, 3.25), -22.202026851000483, 12);
  assert.ok(Math.abs(lnBeta(1, 1)) < 1e-13);
});

test("ranges, reckoned once more by Python's lgamma", () => {
  const golden: [a: number, b: number, share: number, low: number, high: number][] = [
    [100, 150, 0.5, 1.0084391238810764, 2.255324318501886],
    [1000, 1000, 0.5, 0.8601061363781638, 1.162647210274441],
    [900, 130, 0.1, 0.9392518164492508, 1.7560538434839075],
    [5, 5, 0.5, 0.17707466218763046, 5.64733535360574],
    [20, 0, 0.5, 0, 0.6359332058774431],
    [0, 20, 0.5, 1.5724921906227984, Number.POSITIVE_INFINITY],
    [0, 0, 0.5, 0, Number.POSITIVE_INFINITY],
  ];
  for (const [a, b, share, low, high] of golden) {
    const range = rangeOf({ a, b }, share, 0.05);
    near(range.low, low);
    if (Number.isFinite(high)) near(range.high, high);
    else assert.equal(range.high, high);
  }
});

const counts = fc.record({ a: fc.nat(1_000_000), b: fc.nat(1_000_000) });
const shares = fc.integer({ min: 1, max: 99 }).map((percent) => percent / 100);

test('what was seen is within the range, and the sides may be changed', () => {
  fc.assert(
    fc.property(counts, shares, ({ a, b }, share) => {
      const { low, high } = rangeOf({ a, b }, share, 0.05);
      const seen = a === 0 && b === 0 ? 1 : (b / a) * ((1 - share) / share);
      assert.ok(low <= seen && seen <= high, `${low} ${seen} ${high}`);
      const other = rangeOf({ a: b, b: a }, 1 - share, 0.05);
      if (low > 0) near(other.high, 1 / low, 6);
      else assert.equal(other.high, Number.POSITIVE_INFINITY);
      if (Number.isFinite(high)) near(other.low, 1 / high, 6);
      else assert.equal(other.low, 0);
    }),
  );
});

test('several balancers: as wide as one that was empty makes it, and none where they have nothing in common', () => {
  const alone = rangeOfAll([{ a: 100, b: 150 }], 0.5, 0.05);
  assert.deepEqual(alone, rangeOf({ a: 100, b: 150 }, 0.5, 0.05));
  const two = rangeOfAll(
    [
      { a: 100, b: 150 },
      { a: 0, b: 0 },
    ],
    0.5,
    0.05,
  );
  assert.deepEqual(two, rangeOf({ a: 100, b: 150 }, 0.5, 0.025));
  const against = [
    { a: 10, b: 500 },
    { a: 500, b: 10 },
  ];
  assert.equal(rangeOfAll(against, 0.5, 0.05), undefined);
  assert.deepEqual(rangeOfAll([], 0.5, 0.05), { low: 0, high: Number.POSITIVE_INFINITY });
});

/** How many of the runs ever had a range without the truth, looked at after each client. */
function misses(runs: number, clients: number, share: number, ratio: number): number {
  const random = seeded(7);
  const theta = (share * ratio) / (share * ratio + 1 - share);
  let missed = 0;
  for (let run = 0; run < runs; run += 1) {
    let [a, b] = [0, 0];
    for (let client = 0; client < clients; client += 1) {
      if (random() < theta) b += 1;
      else a += 1;
      const { low, high } = rangeOf({ a, b }, share, 0.05);
      if (low <= ratio && ratio <= high) continue;
      missed += 1;
      break;
    }
  }
  return missed;
}

test('at most 1 in 20 ever leaves out the truth, looked at after each client', () => {
  for (const [share, ratio] of [
    [0.5, 1],
    [0.1, 1],
    [0.5, 1.3],
    [0.9, 0.5],
  ] as const) {
    const missed = misses(200, 400, share, ratio);
    // 10 are expected at the most; 20 would be three standard deviations more.
    assert.ok(missed < 20, `${missed} of 200 at a share of ${share} and a ratio of ${ratio}`);
  }
});

test('finds what is there: half as much again, after a thousand clients who came to it', () => {
  const random = seeded(11);
  let found = 0;
  for (let run = 0; run < 100; run += 1) {
    let b = 0;
    for (let client = 0; client < 1000; client += 1) if (random() < 0.6) b += 1;
    if (rangeOf({ a: 1000 - b, b }, 0.5, 0.05).low > 1) found += 1;
  }
  assert.ok(found >= 95, `${found} of 100`);
});
