import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseBakeCounts, strataOf, type Slice } from '../../src/core/bake.ts';

test('what was counted is read, what can not be is left aside', () => {
  const read = parseBakeCounts(
    'slice 100 10.0.0.11:8000 5 1\nslice x\nslice 105 [fd00::1]:80 2 0\nat 900 77\nstrange 3\ngap yes\n',
  );
  assert.deepEqual(read, {
    slices: [
      { epoch: 100, address: '10.0.0.11:8000', requests: 5, errors: 1 },
      { epoch: 105, address: '[fd00::1]:80', requests: 2, errors: 0 },
    ],
    at: ['900', '77'],
    strange: 3,
    gap: true,
  });
  assert.ok('problem' in parseBakeCounts('slice 100 a 5 1\n'));
});

const slice = (epoch: number, address: string, requests: number, errors = 0): Slice => ({
  epoch,
  address,
  requests,
  errors,
});

const arm = (address: string): 'new' | 'old' | undefined =>
  address === 'n' ? 'new' : address === 'o' ? 'old' : undefined;

test('slices are merged until they hold one new and fifty requests in all, or a minute', () => {
  const found = strataOf(
    [
      slice(5, 'o', 30),
      slice(0, 'o', 30, 1),
      slice(0, 'x', 999, 999),
      slice(10, 'n', 1, 1),
      slice(15, 'n', 2),
      slice(75, 'n', 3),
    ],
    arm,
  );
  assert.deepEqual(found, [
    { newRequests: 1, newErrors: 1, oldRequests: 60, oldErrors: 1 },
    { newRequests: 2, newErrors: 0, oldRequests: 0, oldErrors: 0 },
    { newRequests: 3, newErrors: 0, oldRequests: 0, oldErrors: 0 },
  ]);
});

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

test('no request is lost or counted twice', () => {
  const any = fc.record({
    epoch: fc.nat(40).map((n) => n * 5),
    address: fc.constantFrom('n', 'o'),
    requests: fc.nat(40),
    errors: fc.constant(0),
  });
  fc.assert(
    fc.property(fc.array(any), (slices) => {
      const strata = strataOf(slices, (address) => (address === 'n' ? 'new' : 'old'));
      const of = (address: string): number =>
        sum(slices.filter((one) => one.address === address).map((one) => one.requests));
      assert.equal(sum(strata.map((stratum) => stratum.newRequests)), of('n'));
      assert.equal(sum(strata.map((stratum) => stratum.oldRequests)), of('o'));
    }),
  );
});
