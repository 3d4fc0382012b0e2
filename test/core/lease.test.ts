import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { nextToken, parseLease, refusalOf, remaining, type Lease } from '../../src/core/lease.ts';

const lease: Lease = {
  token: 3,
  holder: 'b3',
  term: 30,
  boot: 'b',
  until: 130,
  details: { by: 'ada@laptop', command: 'roll \u001b[31m--batch 1', since: '2026-11-23T02:14:00Z' },
};

test('a lease ends by the uptime of its boot, one term after another boot, at once when given up', () => {
  assert.equal(remaining(lease, { boot: 'b', uptime: 100.5 }), 29.5);
  assert.equal(remaining(lease, { boot: 'b', uptime: 131 }), 0);
  assert.equal(remaining(lease, { boot: 'c', uptime: 10 }), 20);
  assert.equal(remaining(lease, { boot: 'c', uptime: 31 }), 0);
  assert.equal(remaining({ ...lease, until: 0 }, { boot: 'c', uptime: 1 }), 0);
});

test('a refusal says who, where, with what, since when, and until when', () => {
  assert.equal(
    refusalOf(lease, 'lb1', 11.2),
    'ada@laptop holds the lease on lb1 with `roll ?[31m--batch 1` since 2026-11-23T02:14:00Z; it ends in 12 s unless it is renewed',
  );
});

test('a token is above all that were seen', () => {
  assert.equal(nextToken([]), 1);
  assert.equal(nextToken([3, 9, 4]), 10);
});

test('whatever lease.json holds, reading it gives a lease or words', () => {
  const text = JSON.stringify(lease);
  assert.deepEqual(parseLease(text), { lease });
  fc.assert(
    fc.property(fc.nat(text.length), fc.nat(9), fc.string({ maxLength: 5 }), (at, drop, put) => {
      const read = parseLease(text.slice(0, at) + put + text.slice(at + drop));
      assert.ok('lease' in read || /not one that orchestrate wrote/.test(read.problem));
    }),
  );
});
