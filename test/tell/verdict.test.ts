import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offline, withRecorded, type Offline } from '../../src/core/verdict/offline.ts';
import { readingOf } from '../../src/core/verdict/reading.ts';
import { verdictLines } from '../../src/tell/verdict.ts';

const RULES = { falseAlarms: 0.01, maxErrorRate: 0.01, restarts: false };
const arm = (requests: number, errors = 0, bins: readonly (readonly [number, number])[] = [], errorsAll = errors) => ({
  requests,
  errors,
  errorsAll,
  times: bins,
});
type Arm = ReturnType<typeof arm>;

const report = (windows: number, canary: Arm, baseline: Arm): string => {
  let now: Offline = offline(RULES);
  for (let at = 0; at < windows; at += 1) now = withRecorded(now, { t: at * 5, canary, baseline });
  return verdictLines(readingOf(now.judge), now).join('\n');
};

test('each verdict says why', () => {
  const times = (bin: number, count: number) => [[bin, count]] as const;
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      report(40, arm(20, 1), arm(180)),
      /^FAIL: the canary answers more of its requests with errors .* at t = 15, after 80 of its/,
    ],
    [
      report(40, arm(20, 0, times(100, 20)), arm(180, 0, times(91, 180))),
      /^FAIL: .* slower than \d+ ms than of the baseline's/,
    ],
    [
      report(5, arm(100, 0, times(100, 100)), arm(150, 0, times(91, 150))),
      /^FAIL: the canary's requests take longer than/,
    ],
    [report(40, arm(20), arm(180)), /^PASS: the canary errs in less than 1 % of its requests/],
    [report(3, arm(20), arm(180)), /^UNDECIDED: there is not enough evidence/],
    [report(13, arm(0), arm(180)), /^NO-DATA: in the last minute no request reached the canary/],
    [report(1, arm(12), arm(180)), /^NO-DATA: the canary had 12 requests in all/],
  ];
  for (const [told, expected] of cases) assert.match(told, expected);
});

test('both arms are told in numbers, and the evidence as odds', () => {
  const told = report(40, arm(50, 1, [[91, 49]], 2), arm(1000, 1, [[91, 999]]));
  for (const line of [
    /requests +2,000 +40,000/,
    /errors +80 +40/,
    /errors, a client only once +40 +40/,
    /rate of errors +4 % +0\.1 %/,
    /half took at most +\d+ ms +\d+ ms/,
    /errors +over a million to 1/,
    /few errors +1 to over a million/,
  ])
    assert.match(told, line);
});

test('what stands in the way is told', () => {
  assert.match(
    report(5, arm(20, 1), arm(180, 2)),
    /baseline itself errs in 1\.1 % .* no canary can PASS a bound of 1 %/,
  );
  assert.match(report(5, arm(20), arm(0)), /5 windows say nothing of who is worse/);
  assert.match(report(5, arm(20, 0, [[90, 20]]), arm(90, 0, [[90, 90]])), /Slow requests were not looked at/);
  assert.match(
    report(5, arm(20), arm(180)),
    /At these 50 requests a second, 10 % of them the canary's, one that errs in 1 % .* 0\.1 % FAILs after about .* \(9 in 10 within .*\), and one as good as the baseline PASSes after about/,
  );
});
