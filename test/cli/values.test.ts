import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canaryShare, lasting, lifetime, shares } from '../../src/cli/values.ts';

test('a share of the users is in whole percent; a word was meant as a subcommand', () => {
  assert.deepEqual(['1%', '10%', '99%'].map(canaryShare), [1, 10, 99]);
  for (const bad of ['0%', '100%', '101%', '10', '-5%', '2.5%', '%', ''])
    assert.throws(() => canaryShare(bad), /^[^(]*a share of the users in whole percent, 1% to 99%/, bad);
  assert.throws(() => canaryShare('ten'), /it is neither a share .* nor one of status, watch/);
  assert.throws(() => canaryShare('promot'), /\(did you mean promote\?\)$/);
});

test('steps grow', () => {
  assert.deepEqual(shares('1%, 10%,50%'), [1, 10, 50]);
  for (const bad of ['10%,5%', '10%,10%', '1%,ten', '']) assert.throws(() => shares(bad));
});

test('a time has a unit, and lasts a week at the most', () => {
  assert.deepEqual(['250ms', '30s', '2h', '2d', '0s'].map(lasting), [250, 30_000, 7_200_000, 172_800_000, 0]);
  for (const wrong of ['8d', '30', '1w', '-1s']) assert.throws(() => lasting(wrong), /must be/);
});

test('a token is good for hours or days', () => {
  assert.deepEqual(['12h', '90d', '3660d'].map(lifetime), [43_200_000, 7_776_000_000, 316_224_000_000]);
  for (const wrong of ['0d', '-1d', '90', '1w', '30m', '3661d', '99999d', 'never', '1.5d', ''])
    assert.throws(() => lifetime(wrong), /hours or days/);
});
