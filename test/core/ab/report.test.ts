import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reportOf, type Sides, type SideSums } from '../../../src/core/ab/report.ts';
import { rangeOf } from '../../../src/core/ab/sequence.ts';
import { binOf, histogram, NO_TIMES } from '../../../src/core/verdict/bins.ts';

const side = (clients: number, bought: number, more: Partial<SideSums> = {}): SideSums => ({
  requests: clients * 10,
  errors: 1,
  times: histogram([[binOf(50), clients]]),
  clients,
  goals: { bought },
  ...more,
});
const NOBODY: SideSums = { requests: 0, errors: 0, times: NO_TIMES, clients: 0, goals: {} };
const sides = (a: SideSums, b: SideSums): Sides => ({ a, b });

test('both sides in numbers, and what the goals say of them', () => {
  const report = reportOf([sides(side(1000, 100), side(1000, 150))], 0.5, ['bought', 'constructor']);
  assert.deepEqual([report.a.requests, report.a.errors, report.a.clients], [10_000, 1, 1000]);
  const [median] = report.b.quantiles;
  assert.ok(median?.ms !== undefined && median.ms > 45 && median.ms < 55);
  const [bought, none] = report.goals;
  assert.deepEqual(bought, {
    name: 'bought',
    a: { reached: 100, rate: 0.1 },
    b: { reached: 150, rate: 0.15 },
    ratio: 1.5,
    range: rangeOf({ a: 100, b: 150 }, 0.5, 0.05),
    better: 'b',
  });
  assert.deepEqual([none?.a.reached, none?.ratio, none?.better], [0, undefined, undefined]);
  assert.equal(report.severally, false);
});

test("a small share is reckoned with: as many of B's tenth as of A's nine are nine times as many", () => {
  const [goal] = reportOf([sides(side(900, 90), side(100, 90))], 0.1, ['bought']).goals;
  assert.ok(goal?.ratio !== undefined && Math.abs(goal.ratio - 9) < 1e-9);
  assert.equal(goal.better, 'b');
  const [worse] = reportOf([sides(side(100, 90), side(900, 90))], 0.9, ['bought']).goals;
  assert.equal(worse?.better, 'a');
});

test('two balancers: sums for the eye, a range of each, also where nobody has come yet', () => {
  const one = sides(side(1000, 100), side(1000, 150));
  const both = reportOf([one, one], 0.5, ['bought']);
  assert.deepEqual([both.a.clients, both.goals[0]?.a.reached, both.severally], [2000, 200, true]);
  assert.deepEqual(both.goals[0]?.range, rangeOf({ a: 100, b: 150 }, 0.5, 0.025));
  // At the halved risk 1 is just within.
  assert.equal(both.goals[0]?.better, undefined);
  const idle = reportOf([one, sides(NOBODY, NOBODY)], 0.5, ['bought']);
  assert.deepEqual([idle.a.clients, idle.severally], [1000, false]);
  assert.deepEqual(idle.goals[0]?.range, rangeOf({ a: 100, b: 150 }, 0.5, 0.025));
});

test('before anybody has come', () => {
  const report = reportOf([sides(NOBODY, NOBODY)], 0.5, ['bought']);
  assert.deepEqual(report.goals, [
    {
      name: 'bought',
      a: { reached: 0, rate: undefined },
      b: { reached: 0, rate: undefined },
      ratio: undefined,
      range: { low: 0, high: Number.POSITIVE_INFINITY },
      better: undefined,
    },
  ]);
  assert.deepEqual(
    report.a.quantiles.map(({ ms }) => ms),
    [undefined, undefined, undefined],
  );
});
