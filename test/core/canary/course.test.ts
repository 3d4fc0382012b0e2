import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, beginning, decide, type Course } from '../../../src/core/canary/course.ts';
import { NO_SUMS, type Sums } from '../../../src/core/verdict/window.ts';

const RULES = { falseAlarms: 0.01, maxErrorRate: 0.01, hold: 60, restarts: true, merging: true, gates: true };
const sums = (requests: number, errors = 0): Sums => ({
  ...NO_SUMS,
  requests,
  errors,
  errorsAll: errors,
  newClients: 5,
});

/** Windows of 5 s, at so many requests of the canary each. */
function lasting(course: Course, from: number, windows: number, share: number, bad = 0): Course {
  let now = course;
  for (let at = 0; at < windows; at += 1) {
    const stratum = {
      balancer: 'lb1',
      host: 'web1',
      share,
      canary: sums(100 * share * 5, bad),
      baseline: sums(100 * (1 - share) * 5),
    };
    now = after(now, { t: from + at * 5, strata: [stratum] });
  }
  return now;
}

test('a good canary climbs step by step, each on evidence of its own, then it is over', () => {
  const first = lasting(beginning(RULES, undefined), 0, 12, 0.2);
  assert.equal(decide(first, [50]).decision.kind, 'wait', 'the hold is not over');
  const held = lasting(first, 60, 2, 0.2);
  assert.deepEqual(decide(held, [50]).decision, { kind: 'climb', share: 50 });
  const grown = lasting(held, 70, 3, 0.5);
  assert.equal(decide(grown, []).decision.kind, 'wait');
  assert.deepEqual(decide(lasting(grown, 85, 12, 0.5), []).decision, { kind: 'over', verdict: 'PASS' });
});

test('a bad one is aborted at once, whatever step it is on', () => {
  assert.equal(decide(lasting(beginning(RULES, undefined), 0, 6, 0.2, 5), [50]).decision.kind, 'abort');
});

test('nobody there is no data, and too few are undecided: neither climbs', () => {
  const silent = lasting(beginning(RULES, undefined), 0, 20, 0);
  assert.deepEqual(decide(silent, [50]).decision, { kind: 'over', verdict: 'NO-DATA' });
  const few = lasting(beginning({ ...RULES, maxErrorRate: 0.001 }, undefined), 0, 20, 0.05);
  assert.deepEqual(decide(few, [50]).decision, { kind: 'over', verdict: 'UNDECIDED' });
});
