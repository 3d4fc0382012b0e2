import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { binOf } from '../../../src/core/verdict/bins.ts';
import { offline, withRecorded, type Offline } from '../../../src/core/verdict/offline.ts';
import { readingOf } from '../../../src/core/verdict/reading.ts';
import { readRecorded } from '../../../src/core/verdict/recorded.ts';

const RULES = { falseAlarms: 0.01, maxErrorRate: 0.01, restarts: false };

/** All lines judged; none may be wrong. */
const after = (lines: readonly unknown[], from: Offline = offline(RULES)): Offline =>
  lines.reduce<Offline>((now, line, at) => {
    const read = readRecorded(JSON.stringify(line), at === 0);
    if ('problem' in read) throw new Error(read.problem);
    return withRecorded(now, read);
  }, from);

const line = (t: number, n: number, errors: number, baselineN: number, baselineErrors: number): unknown => ({
  t,
  canary: { n, errors },
  baseline: { n: baselineN, errors: baselineErrors },
});

describe('a line', () => {
  test('that is not as it should be is told, and what was expected', () => {
    const arms = '"canary":{"n":10,"errors":0},"baseline":{"n":90,"errors":0}';
    const problems: readonly (readonly [string, RegExp])[] = [
      ['', /a JSON object was expected/],
      ['{"t":1', /a JSON object was expected/],
      ['[]', /^an object with t, share, t99_ms, canary, baseline was expected, not \[\]$/],
      ['null', /was expected, not null/],
      ['{}', /^t: a number of seconds was expected, not nothing$/],
      [`{"t":"1",${arms}}`, /^t: a number of seconds was expected, not "1"$/],
      [`{"t":1e999,${arms}}`, /^t: a number of seconds/],
      ['{"t":1,"canary":{"n":10,"errors":0}}', /^baseline: an object with n, errors.* not nothing$/],
      [`{"t":1,${arms},"shares":0.1}`, /^shares: one of .* was expected; did you mean share\?$/],
      [`{"t":1,${arms},"share":1}`, /^share: a number above 0 and below 1 was expected, not 1$/],
      [`{"t":1,${arms},"t99_ms":0}`, /^t99_ms: a number of milliseconds above 0/],
      [`{"t":1,"canary":{"n":-1,"errors":0}}`, /^canary\.n: a whole number, 0 or more was expected, not -1$/],
      [`{"t":1,"canary":{"n":1.5,"errors":0}}`, /^canary\.n: a whole number/],
      [`{"t":1,"canary":{"n":1,"errors":2}}`, /^canary: at most n \(1\) errors were expected, not 2$/],
      [`{"t":1,"canary":{"n":9,"errors":2,"errors_all":1}}`, /^canary\.errors_all: at least errors \(2\)/],
      [`{"t":1,"canary":{"n":9,"errors":0,"ms":[1],"times":[]}}`, /^canary: times or ms was expected, not both$/],
      [`{"t":1,"canary":{"n":9,"errors":0,"ms":[1,-1]}}`, /^canary\.ms\[1\]: a time in milliseconds/],
      [`{"t":1,"canary":{"n":9,"errors":0,"times":[[275,1]]}}`, /^canary\.times\[0\]\[0\]: a bin from 0 to 274/],
      [`{"t":1,"canary":{"n":9,"errors":0,"times":[[5]]}}`, /^canary\.times\[0\]\[1\]: a whole number/],
      [`{"t":1,"canary":{"n":9,"errors":0,"times":[[5,1,1]]}}`, /^canary\.times\[0\]: a bin and a count/],
      [`{"t":1,"canary":{"n":9,"errors":0,"times":{}}}`, /^canary\.times: a list of/],
      [`{"t":1,"canary":{"n":1,"errors":0,"ms":[1,1]}}`, /^canary: at most n \(1\) times were expected, not 2$/],
    ];
    for (const [text, expected] of problems) {
      const read = readRecorded(text, true);
      assert.match('problem' in read ? read.problem : 'no problem', expected, text);
    }
    const late = readRecorded(`{"t":1,${arms},"t99_ms":300}`, false);
    assert.deepEqual(late, { problem: 't99_ms: stands on the first line only' });
  });

  test('is read or told whatever it is, and never shows what a terminal obeys', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .object({ key: fc.constantFrom('t', 'canary', 'baseline', 'n', 'errors', 'ms', 'times') })
        .map((it) => JSON.stringify(it)),
    );
    fc.assert(
      fc.property(anything, fc.boolean(), (text, first) => {
        const read = readRecorded(text, first);
        // oxlint-disable-next-line no-control-regex -- what is looked for
        if ('problem' in read) assert.doesNotMatch(read.problem, /[\u0000-\u0008\u001b]/);
      }),
    );
  });
});

describe('recorded windows', () => {
  test('golden values', () => {
    const { lnE } = readingOf(after([line(0, 50, 1, 450, 0), line(5, 50, 2, 450, 1), line(10, 60, 1, 440, 0)]).judge);
    assert.equal(lnE.errors.toFixed(6), '4.420245');
    assert.equal(Math.exp(readingOf(after([line(0, 500, 0, 1, 0)]).judge).lnPass).toFixed(3), '63.086');
    const tenths = [3.33, 13.83, 65.72, 336.14, 1794.13].map((_, at) =>
      readingOf(after(Array.from({ length: at + 1 }, (__, t) => line(t, 10, 1, 90, 0))).judge),
    );
    assert.deepEqual(
      tenths.map(({ lnE: { errors } }) => Math.exp(errors).toFixed(2)),
      ['3.33', '13.83', '65.72', '336.14', '1794.13'],
    );
    assert.deepEqual(
      tenths.map(({ verdict }) => verdict),
      ['NO-DATA', 'UNDECIDED', 'UNDECIDED', 'FAIL', 'FAIL'],
    );
  });

  test('in which an arm had no request say nothing of errors, and PASS counts every error', () => {
    const none = readingOf(after([line(0, 0, 0, 90, 9), line(5, 30, 9, 0, 0)]).judge);
    assert.deepEqual([none.lnE.errors, none.lnTogether.toFixed(9)], [0, '0.000000000']);
    const capped = [4, undefined].map((all) =>
      readingOf(
        after([{ t: 0, canary: { n: 500, errors: 1, errors_all: all }, baseline: { n: 500, errors: 1 } }]).judge,
      ),
    );
    assert.equal(capped[0]?.lnTogether, capped[1]?.lnTogether);
    assert.ok((capped[0]?.lnPass ?? 0) < (capped[1]?.lnPass ?? 0));
  });

  test('give the same evidence by bins as by milliseconds, and from t99 on', () => {
    const ms = (from: number, count: number): number[] => Array.from({ length: count }, (_, at) => from + at);
    const times = (all: readonly number[]): unknown => all.map((each) => [binOf(each), 1]);
    const windows = (key: 'ms' | 'times', first: object): unknown[] =>
      Array.from({ length: 12 }, (_, at) => {
        const arms = [ms(200 + at, 20), ms(50, 100)].map((all) => (key === 'ms' ? { ms: all } : { times: times(all) }));
        return {
          t: at,
          ...(at === 0 ? first : {}),
          canary: { n: 20, errors: 0, ...arms[0] },
          baseline: { n: 100, errors: 0, ...arms[1] },
        };
      });
    const tails = (lines: readonly unknown[]): number[] =>
      lines.map((_, at) => readingOf(after(lines.slice(0, at + 1)).judge).lnE.tail);
    assert.deepEqual(tails(windows('ms', {})), tails(windows('times', {})));
    // A thousand baseline times are there after the tenth line: from the next one on slow ones are known.
    assert.deepEqual(
      tails(windows('ms', {})).map((ln) => ln > 0.1),
      [...Array.from({ length: 10 }, () => false), true, true],
    );
    assert.ok(tails(windows('ms', { t99_ms: 160 })).every((ln) => ln > 0.1));
    assert.ok(tails(windows('ms', { t99_ms: 600 })).every((ln) => ln === 0));
  });

  test('without requests of the canary for a minute are NO-DATA', () => {
    const story = [line(0, 500, 0, 500, 0), ...Array.from({ length: 13 }, (_, at) => line(5 + at * 5, 0, 0, 90, 0))];
    assert.deepEqual(
      story.map((_, at) => readingOf(after(story.slice(0, at + 1)).judge).verdict),
      [...Array.from({ length: 12 }, () => 'PASS'), 'NO-DATA', 'NO-DATA'],
    );
  });
});
