import assert from 'node:assert/strict';
import { test } from 'node:test';
import { untilFail, untilPass, type Imagined } from '../../../src/core/verdict/forecast.ts';

const SITE: Imagined = { perSecond: 40, share: 0.1, canary: 0.01, baseline: 0.001 };
const FAIL_AT = Math.log(100);
const PASS_AT = Math.log(20);

test('40 requests a second and a canary of 10 %: 1 % errors in place of 0.1 % are found after some three minutes', () => {
  const { median, nineInTen } = untilFail(SITE, FAIL_AT);
  assert.ok(median !== undefined && median > 120 && median < 240, `${median}`);
  assert.ok(nineInTen !== undefined && nineInTen > median && nineInTen < 600, `${nineInTen}`);
  assert.deepEqual(untilFail(SITE, FAIL_AT), { median, nineInTen });
});

test('half the load takes twice as long, a worse release less', () => {
  const usual = untilFail(SITE, FAIL_AT).median ?? 0;
  const slow = untilFail({ ...SITE, perSecond: 20 }, FAIL_AT).median ?? 0;
  assert.ok(slow > usual * 1.6 && slow < usual * 2.4, `${usual} ${slow}`);
  assert.ok((untilFail({ ...SITE, canary: 0.05 }, FAIL_AT).median ?? Number.NaN) < usual / 3);
});

test('what can not be told apart is not waited for', () => {
  assert.deepEqual(untilFail({ ...SITE, canary: 0.0011 }, FAIL_AT), { median: undefined, nineInTen: undefined });
  assert.equal(untilFail({ ...SITE, perSecond: 0.001 }, FAIL_AT).median, undefined);
  assert.equal(untilPass({ ...SITE, canary: 0.02 }, 0.01, PASS_AT).median, undefined);
});

test('a good release PASSes within 1,200 canary requests in most cases', () => {
  const { nineInTen } = untilPass({ ...SITE, canary: 0.001 }, 0.01, PASS_AT);
  assert.ok(nineInTen !== undefined && nineInTen * 4 < 1200, `${nineInTen}`);
});
