import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Followed } from '../../../src/core/canary/followed.ts';
import { gathered, NOTHING_GATHERED } from '../../../src/core/canary/windows.ts';
import type { Window } from '../../../src/core/verdict/window.ts';

const ARMS = [
  { host: 'web1', baseline: '10.0.0.1:8000', canary: '10.0.0.1:8001' },
  { host: 'web2', baseline: '10.0.0.2:8000', canary: '10.0.0.2:8001' },
];

const window = (t: number, more: Partial<Followed> = {}): Followed => ({
  t,
  generation: 7,
  buckets: 10,
  moved: 0,
  gap: 0,
  lines: 100,
  strange: 0,
  top: 5,
  clients: { canary: 3, baseline: 30 },
  upstreams: ARMS.flatMap(({ baseline, canary }) => [
    { address: baseline, n: 45, errors: 0, errors_all: 1, clients: 20, times: [[60, 44]] },
    { address: canary, n: 5, errors: 1, errors_all: 2, clients: 2, times: [[61, 4]] },
  ]),
  ...more,
});

test('each host of each balancer is its own control, and a client is new in its arm once', () => {
  const { windows } = gathered(NOTHING_GATHERED, ['lb1', 'lb2'], { lb1: [window(5)], lb2: [window(5)] }, ARMS);
  assert.equal(windows.length, 1);
  const strata = windows[0]?.strata ?? [];
  assert.deepEqual(
    strata.map(({ balancer, host, share }) => [balancer, host, share]),
    [
      ['lb1', 'web1', 0.1],
      ['lb1', 'web2', 0.1],
      ['lb2', 'web1', 0.1],
      ['lb2', 'web2', 0.1],
    ],
  );
  assert.deepEqual(
    strata.map(({ canary: { requests, errors, errorsAll, newClients } }) => [requests, errors, errorsAll, newClients]),
    [
      [5, 1, 2, 3],
      [5, 1, 2, 0],
      [5, 1, 2, 3],
      [5, 1, 2, 0],
    ],
  );
  assert.equal(strata[0]?.baseline.times[60], 44);
});

test('what was told while the routing changed or the log had a gap is skipped, and nobody split is nothing', () => {
  const told = { lb1: [window(5, { moved: 1 }), window(10, { gap: 1 }), window(15, { buckets: 0 })] };
  const { windows } = gathered(NOTHING_GATHERED, ['lb1'], told, ARMS);
  assert.deepEqual(
    windows.map(({ strata }) => strata[0]?.skipped),
    ['the routing changed', 'the log had a gap', undefined],
  );
  assert.deepEqual(windows[2]?.strata, []);
});

test('the slower balancer is waited for, but not for ever', () => {
  const names = ['lb1', 'lb2'];
  const first = gathered(NOTHING_GATHERED, names, { lb1: [window(5), window(10)], lb2: [window(5)] }, ARMS);
  assert.deepEqual(
    first.windows.map(({ t, strata }) => [t, strata.length]),
    [[5, 4]],
  );
  const second = gathered(first.gathered, names, { lb1: [window(15)], lb2: [window(10)] }, ARMS);
  assert.deepEqual(
    second.windows.map(({ t, strata }) => [t, strata.length]),
    [[10, 4]],
  );
  const third = gathered(second.gathered, names, { lb1: [window(45), window(50)], lb2: [] }, ARMS);
  assert.deepEqual(
    third.windows.map(({ t, strata }) => [t, strata.length]),
    [
      [15, 2],
      [45, 2],
      [50, 2],
    ],
  );
  // What comes after that is of no use any more.
  assert.deepEqual(gathered(third.gathered, names, { lb2: [window(15)] }, ARMS).windows, []);
});

test('however the looks fall, each window is made once, and in the order of time', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 4 })), { maxLength: 30 }),
      (looks) => {
        let now = NOTHING_GATHERED;
        const made: Window[] = [];
        const at = { lb1: 0, lb2: 0 };
        const take = (name: 'lb1' | 'lb2', many: number): Followed[] =>
          Array.from({ length: Math.min(many, 6 - at[name]) }, () => window((at[name] += 1) * 5));
        for (const [one, other] of [...looks, [4, 4], [4, 4]] as const) {
          const next = gathered(now, ['lb1', 'lb2'], { lb1: take('lb1', one), lb2: take('lb2', other) }, ARMS);
          now = next.gathered;
          made.push(...next.windows);
        }
        // Neither is ever more than 30 s behind: nothing is lost.
        assert.deepEqual(
          made.map(({ t }) => t),
          [5, 10, 15, 20, 25, 30],
        );
        for (const { strata } of made) assert.equal(strata.length, 4);
      },
    ),
  );
});

test('where one of two hosts lost its canary, all are one stratum: the others bear its users too', () => {
  const arms = [ARMS[0]!, { ...ARMS[1]!, canary: null }];
  const { windows } = gathered(NOTHING_GATHERED, ['lb1'], { lb1: [window(5)] }, arms);
  const strata = windows[0]?.strata ?? [];
  assert.equal(strata.length, 1);
  assert.deepEqual([strata[0]?.canary.requests, strata[0]?.canary.errors, strata[0]?.baseline.requests], [5, 1, 90]);
  assert.deepEqual(Object.keys(strata[0]?.hosts ?? {}), ['web1', 'web2']);
});
