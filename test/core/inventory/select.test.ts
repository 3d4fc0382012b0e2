import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { countOf, selectHosts } from '../../../src/core/inventory.ts';
import { inventoryOf } from './world.ts';

const inventory = inventoryOf({
  backends: `{ web1: { address: 10.0.0.1, zone: a }, "web[2-4]": { address: "10.0.0.[2-4]", zone: b }, db1: { address: 10.0.0.9 } }`,
});

const chosen = (hosts?: string, zone?: string): string => {
  const found = selectHosts(inventory, { hosts, zone });
  return found.ok ? found.hosts.join(' ') : found.message;
};

test('--hosts and --zone choose backends, in the inventory’s order', () => {
  assert.equal(chosen(), 'web1 web2 web3 web4 db1');
  assert.equal(chosen('web4,web[2-3], web2'), 'web2 web3 web4');
  assert.equal(chosen(undefined, 'b'), 'web2 web3 web4');
  assert.equal(chosen('web[1-2]', 'b'), 'web2');
});

test('what chooses nothing is a sentence', () => {
  assert.equal(chosen('wbe2'), '--hosts: there is no backend "wbe2"; did you mean web2?');
  assert.equal(chosen('lb1'), '--hosts: lb1 is a balancer; backends are chosen here');
  assert.equal(chosen('web1,'), '--hosts: a name is missing between the commas');
  assert.equal(chosen('web[4-2]'), '--hosts: "web[4-2]" has the range [4-2], which runs backwards');
  assert.equal(chosen(undefined, 'c'), '--zone: no backend is in "c"; did you mean a?');
  assert.equal(chosen('web1', 'b'), '--hosts, --zone: none of these hosts is in zone b');
});

test('a share of hosts is rounded up, and never below 1', () => {
  assert.deepEqual(
    [countOf(3, 10), countOf('25%', 4), countOf('25%', 5), countOf('1%', 10), countOf('7%', 100)],
    [3, 1, 2, 1, 7],
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 1000 }), (share, of) => {
      const count = countOf(`${share}%`, of);
      assert.ok(count >= 1 && count <= of && count * 100 >= share * of && (count - 1) * 100 < share * of);
    }),
  );
});
