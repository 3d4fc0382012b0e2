import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { binOf } from '../../../src/core/verdict/bins.ts';
import { judge, step, type Judge } from '../../../src/core/verdict/judge.ts';
import { merged, type Waiting } from '../../../src/core/verdict/merging.ts';
import { readingOf } from '../../../src/core/verdict/reading.ts';
import type { Stratum, Window } from '../../../src/core/verdict/window.ts';
import { judgeOf, stratum, sums, window } from './windows.ts';

const over = (windows: readonly Window[], from: Judge): Judge => windows.reduce(judge, from);
const many = (count: number, make: (at: number) => Stratum): Window[] =>
  Array.from({ length: count }, (_, at) => window(at * 5, make(at)));
const verdictOf = (now: Judge): string => readingOf(now).verdict;

describe('a canary', () => {
  const good = (): Stratum => stratum(sums(20), sums(180));

  test('that errs more is called FAIL at once, and stays so', () => {
    const bad = over(
      many(8, () => stratum(sums(20, 2), sums(180))),
      judgeOf({ hold: 1800 }),
    );
    assert.deepEqual(
      [readingOf(bad).verdict, readingOf(bad).over, readingOf(bad).because],
      ['FAIL', true, { kind: 'worse', by: 'errors', t: bad.failed?.t, canaryRequests: bad.failed?.canaryRequests }],
    );
    assert.equal(
      verdictOf(
        over(
          many(200, good).map(({ strata }) => window(1000, ...strata)),
          bad,
        ),
      ),
      'FAIL',
    );
  });

  test('that is good PASSes when its hold is over, and not before', () => {
    const readings = [59, 60, 61].map((windows) => readingOf(over(many(windows, good), judgeOf({ hold: 300 }))));
    assert.deepEqual(
      readings.map(({ verdict, over: acts }) => [verdict, acts]),
      [
        ['PASS', false],
        ['PASS', false],
        ['PASS', true],
      ],
    );
  });

  test('of which too little was seen is UNDECIDED, and one without requests has NO-DATA', () => {
    assert.deepEqual(
      [1, 2, 10, 30].map((windows) =>
        verdictOf(
          over(
            many(windows, () => stratum(sums(15), sums(85))),
            judgeOf(),
          ),
        ),
      ),
      ['NO-DATA', 'UNDECIDED', 'UNDECIDED', 'PASS'],
    );
    const gone = (seconds: number): Window[] =>
      many(seconds / 5, () => stratum(sums(0), sums(180))).map(({ t, strata }) => window(500 + t, ...strata));
    assert.deepEqual(
      [55, 60].map((seconds) => verdictOf(over([...many(100, good), ...gone(seconds)], judgeOf()))),
      ['PASS', 'NO-DATA'],
    );
    assert.equal(verdictOf(judgeOf()), 'NO-DATA');
  });

  test('needs evidence of its being good at each step anew', () => {
    const first = over(many(40, good), judgeOf());
    assert.equal(verdictOf(first), 'PASS');
    assert.equal(verdictOf(step(first, 200)), 'UNDECIDED');
    assert.equal(
      verdictOf(
        over(
          many(40, good).map(({ t, strata }) => window(200 + t, ...strata)),
          step(first, 200),
        ),
      ),
      'PASS',
    );
  });

  test('is judged on what was not skipped', () => {
    const bad = (): Stratum => stratum(sums(20, 5), sums(180), { skipped: 'the routing changed' });
    const found = over(
      [...many(40, bad), ...many(40, good).map(({ t, strata }) => window(200 + t, ...strata))],
      judgeOf(),
    );
    assert.deepEqual([verdictOf(found), found.skipped['the routing changed']], ['PASS', 40]);
  });

  test('that fails late fails sooner for the fresh evidence', () => {
    const story = [
      ...many(300, () => stratum(sums(20), sums(180, 1))),
      ...many(300, () => stratum(sums(20, 1), sums(180, 1))).map(({ t, strata }) => window(1500 + t, ...strata)),
    ];
    const [withFresh, without] = [true, false].map((restarts) => over(story, judgeOf({ restarts })).failed?.t);
    assert.ok(withFresh !== undefined && (without === undefined || withFresh < without), `${withFresh} ${without}`);
  });
});

describe('a FAIL is held back', () => {
  const slow = (clients: number, ms: number): Window[] =>
    many(60, (at) =>
      stratum(
        {
          ...sums(
            20,
            0,
            Array.from({ length: 20 }, () => ms),
          ),
          newClients: at === 0 ? clients : 0,
        },
        sums(
          180,
          0,
          Array.from({ length: 180 }, () => 100),
        ),
      ),
    );

  test('where few clients found it slow', () => {
    assert.deepEqual(readingOf(over(slow(29, 200), judgeOf())).because, { kind: 'few clients', clients: 29 });
    assert.equal(verdictOf(over(slow(30, 200), judgeOf())), 'FAIL');
    assert.equal(verdictOf(over(slow(29, 200), judgeOf({ gates: false }))), 'FAIL');
  });

  test('where the median is hardly slower', () => {
    assert.deepEqual(readingOf(over(slow(100, 107), judgeOf())).because, { kind: 'hardly slower' });
    assert.equal(verdictOf(over(slow(100, 120), judgeOf())), 'FAIL');
  });

  test('where all that is slow was slow in one moment', () => {
    const stood = Array.from({ length: 20 }, () => 900);
    const quick = Array.from({ length: 180 }, () => 100);
    const stall = (windows: number): Window[] =>
      many(40, (at) => stratum(sums(20, 0, at < windows ? stood : quick.slice(0, 20)), sums(180, 0, quick)));
    const bin = binOf(300);
    assert.deepEqual(
      [1, 6].map((windows) => over(stall(windows), judgeOf({}, bin)).failed === undefined),
      [true, false],
    );
    assert.equal(verdictOf(over(stall(1), judgeOf({ gates: false }, bin))), 'FAIL');
  });

  test('where the baseline hosts differ among themselves as much', () => {
    const differ = many(60, () => {
      const hosts = { web2: sums(60), web3: sums(60), web4: sums(60, 4) };
      return stratum(sums(20, 3), sums(180, 4), { hosts });
    });
    assert.deepEqual(readingOf(over(differ, judgeOf())).because, { kind: 'hosts differ', hosts: ['web4'] });
    assert.equal(verdictOf(over(differ, judgeOf({ gates: false }))), 'FAIL');
  });
});

describe('windows', () => {
  const arm = fc.record({ requests: fc.nat(60), errors: fc.nat(5), ms: fc.nat(2000) });
  const strata = fc.array(
    fc.record({
      balancer: fc.constantFrom('lb1', 'lb2'),
      share: fc.constantFrom(0.1, 0.25),
      gap: fc.integer({ min: 5, max: 70 }),
      canary: arm,
      baseline: arm,
    }),
    { maxLength: 60 },
  );

  test('are merged by counts and time, never by what became of the requests', () => {
    fc.assert(
      fc.property(strata, fc.integer({ min: 0, max: 3 }), (all, times) => {
        const sizes = (errors: number): unknown[] => {
          let waiting: Waiting = new Map();
          let t = 0;
          return all.map(({ balancer, share, gap, canary, baseline }) => {
            t += gap;
            const now = stratum(
              sums(canary.requests, Math.min(canary.requests, canary.errors * errors), [canary.ms * errors]),
              sums(baseline.requests, Math.min(baseline.requests, baseline.errors * errors), [baseline.ms * errors]),
              { balancer, share },
            );
            const found = merged(waiting, t, [now]);
            waiting = found.waiting;
            return found.ready.map((each) => [each.balancer, each.share, each.canary.requests, each.baseline.requests]);
          });
        };
        assert.deepEqual(sizes(times), sizes(0));
      }),
    );
  });

  test('lose no request when they are merged, and wait a minute at the most', () => {
    fc.assert(
      fc.property(strata, (all) => {
        let waiting: Waiting = new Map();
        let t = 0;
        const total = { in: 0, out: 0 };
        for (const { balancer, share, gap, canary, baseline } of all) {
          t += gap;
          total.in += canary.requests + baseline.requests;
          const found = merged(waiting, t, [
            stratum(sums(canary.requests), sums(baseline.requests), { balancer, share }),
          ]);
          for (const each of found.ready) total.out += each.canary.requests + each.baseline.requests;
          waiting = found.waiting;
        }
        for (const { stratum: each } of waiting.values()) total.out += each.canary.requests + each.baseline.requests;
        assert.equal(total.out, total.in);
      }),
    );
  });

  test('of several balancers may come in any order, and evidence is always a number', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(arm, arm, arm, arm), { maxLength: 40 }), fc.boolean(), (all, gates) => {
        const windows = (turned: boolean): Window[] =>
          all.map(([a, b, c, d], at) => {
            const made = [
              [a, b, 'lb1'],
              [c, d, 'lb2'],
            ] as const;
            const both = made.map(([canary, baseline, balancer]) =>
              stratum(
                sums(canary.requests + canary.errors, canary.errors, [canary.ms]),
                sums(baseline.requests + baseline.errors, baseline.errors, [baseline.ms]),
                { balancer },
              ),
            );
            return window(at * 60, ...(turned ? both.toReversed() : both));
          });
        const [one, other] = [false, true].map((turned) => readingOf(over(windows(turned), judgeOf({ gates }, 100))));
        assert.ok(one !== undefined && other !== undefined);
        assert.equal(one.verdict, other.verdict);
        for (const key of ['lnTogether', 'lnPass'] as const) {
          assert.ok(Number.isFinite(one[key]));
          assert.ok(Math.abs(one[key] - other[key]) < 1e-6);
        }
      }),
    );
  });
});
