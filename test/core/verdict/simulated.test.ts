import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { falseAlarms, HEALTHY, MANY, median, passWithin, untilFail } from './canaries.ts';

/** Canaries of each kind: 2,000 where all is tested, else a sample that takes some seconds. */
const RUNS = process.env['ORCHESTRATE_TEST_ALL'] ? 2000 : 16;
const WHOLE = RUNS === 2000;
/** Of a sample the bounds are wider: four standard errors of a median. */
const WIDER = WHOLE ? 1 : 2;
const options = { timeout: 900_000 };

describe('of healthy canaries hardly one is called FAIL, however often one looks', () => {
  for (const [name, site] of Object.entries(HEALTHY))
    test(name, options, (t) => {
      const failed = falseAlarms(site, RUNS);
      t.diagnostic(`FAIL: ${failed} of ${RUNS}`);
      assert.ok(failed <= (WHOLE ? 30 : 2), `${failed} of ${RUNS}`);
    });

  test('half a million requests', options, () => {
    // One long canary where all is tested; its share of the sample is a tenth.
    const site = { ...MANY, load: () => 1000, seconds: WHOLE ? 5000 : 500 };
    assert.equal(falseAlarms(site, 1), 0);
  });
});

describe('a bad release is found', () => {
  const bad: readonly (readonly [name: string, most: number, site: typeof MANY])[] = [
    ['1 % errors in place of 0.1 %', 820, { ...MANY, errors: (canary) => (canary ? 0.01 : 0.001) }],
    ['5 % errors in place of 0.1 %', 130, { ...MANY, errors: (canary) => (canary ? 0.05 : 0.001) }],
    ['3 % slower than t99 in place of 1 %', 1700, { ...MANY, stuck: (canary) => (canary ? 2 / 99 : 0) }],
    ['all half as slow again', 250, { ...MANY, slower: (canary) => (canary ? 1.5 : 1) }],
  ];
  for (const [name, most, site] of bad)
    test(name, options, (t) => {
      const requests = untilFail(site, RUNS);
      const nineInTen = requests[Math.floor(RUNS * 0.9)];
      t.diagnostic(`canary requests: ${median(requests)} at the median, 9 in 10 within ${nineInTen}`);
      assert.ok(median(requests) <= most * WIDER, `${median(requests)}`);
    });

  // A fresh E is begun every five minutes, and the fifth weighs a 120th: the busier the site, the more speaks for the release by then.
  for (const [load, most] of [
    [10, 1.6],
    [40, 1.9],
  ] as const)
    test(`also one that gets bad after 25 minutes, at ${load} requests a second`, options, (t) => {
      const badAfter = (after: number) => ({
        ...MANY,
        load: () => load,
        errors: (canary: boolean, at: number): number => (canary && at >= after ? 0.01 : 0.001),
      });
      const [atOnce, late] = [median(untilFail(badAfter(0), RUNS)), median(untilFail(badAfter(1500), RUNS, 1500))];
      const times = (late / atOnce).toFixed(2);
      t.diagnostic(`canary requests: ${atOnce} at the start, ${late} after 25 minutes: ${times} times`);
      assert.ok(late <= atOnce * most * WIDER, `${late} ${atOnce}`);
    });
});

test('a good release PASSes within 1,200 requests', options, (t) => {
  const passed = passWithin(MANY, 1200, RUNS);
  t.diagnostic(`PASS: ${passed} of ${RUNS}`);
  assert.ok(passed >= RUNS * (WHOLE ? 0.95 : 0.8), `${passed} of ${RUNS}`);
});
