import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LoginFailures } from '../../../src/core/api/failures.ts';

const failing = (failures: LoginFailures, address: string, times: number, now: number): (number | undefined)[] =>
  Array.from({ length: times }, () => failures.failed(address, now));

describe('failed logins', () => {
  it('are told to wait after ten in a minute, by address', () => {
    const failures = new LoginFailures();
    assert.ok(failing(failures, '10.0.0.1', 10, 0).every((wait) => wait === undefined));
    assert.equal(failures.failed('10.0.0.1', 15_000), 45);
    assert.equal(failures.failed('10.0.0.2', 15_000), undefined);
    assert.equal(failures.failed('10.0.0.1', 60_000), undefined);
  });

  it('count an IPv6 network as one, and an IPv4 address written as IPv6 as itself', () => {
    const failures = new LoginFailures();
    for (let host = 0; host < 10; host += 1) failures.failed(`2001:db8:0:1::${host}`, 0);
    assert.equal(failures.failed('2001:db8::1:9:9:9:9', 0), 60);
    assert.equal(failures.failed('2001:db8:0:2::1', 0), undefined);
    failing(failures, '::ffff:10.0.0.9', 10, 0);
    assert.equal(failures.failed('10.0.0.9', 0), 60);
  });

  it('are remembered for a bounded number of addresses', () => {
    const failures = new LoginFailures();
    for (let at = 0; at < 20_000; at += 1) failures.failed(`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`, 0);
    assert.equal(failures.size, 10_000);
  });
});
