import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { batches } from '../../../src/core/batch.ts';
import { serversOf } from '../../../src/core/routing/address.ts';
import { declaredGroups, fallback, groupOf, portions, type Group } from '../../../src/core/routing/groups.ts';
import { walk } from '../../../src/core/routing/walk.ts';
import { web, world } from './world.ts';

const host = fc.stringMatching(/^[a-z0-9]{1,16}(-[a-z0-9]{1,7}){0,2}$/);

test('names say who is out, in the order of the inventory', () => {
  const inventory = world(web(4));
  assert.equal(groupOf(new Set(), inventory).name, 'all');
  assert.equal(groupOf(new Set(['web3', 'web1']), inventory).name, 'out-web1--web3');
  assert.equal(groupOf(new Set(['web1', 'web2', 'web4']), inventory).name, 'only-web3');
  assert.equal(groupOf(new Set(['web1', 'gone']), inventory).name, 'out-web1');
  assert.equal(groupOf(new Set(['web1']), world(web(2))).name, 'out-web1');
});

test('where backends have two slots, names say which are meant first', () => {
  const inventory = world(web(4), { backend: { slots: [8000, 8001] } });
  const name = (out: string[], second: string[]): string => groupOf(new Set(out), inventory, new Set(second)).name;
  assert.equal(name([], []), 'first');
  assert.equal(name([], web(4)), 'second');
  assert.equal(name([], web(2)), 'mix-2');
  assert.equal(name(['web3'], web(2)), 'mix-2-out-web3');
  assert.equal(name(['web1', 'web2', 'web4'], []), 'first-only-web3');
  assert.match(name([], ['web2', 'web3']), /^slots-[0-9a-f]{12}$/);
  assert.deepEqual(
    serversOf(fallback, inventory)
      .map(({ address }) => address)
      .slice(0, 3),
    ['10.0.0.11:8000', '10.0.0.11:8001', '10.0.0.12:8000'],
  );
  const [one, two] = serversOf(groupOf(new Set(['web2']), inventory, new Set(['web1'])), inventory);
  assert.deepEqual([one?.address, one?.parameters], ['10.0.0.11:8001', ['max_fails=0']]);
  assert.deepEqual([two?.address, two?.parameters], ['10.0.0.12:8000', ['max_fails=0', 'down']]);
});

test('a roll from either slots to the others needs no reload, whoever is out', () => {
  const inventory = world(web(6), { backend: { slots: [8000, 8001] }, roll: { batch: [1, 2] } });
  const declared = new Set(declaredGroups(inventory).map((group) => group.name));
  const cut = batches(inventory.backends, inventory.roll);
  for (const out of [[], ...web(6).map((name) => [name])])
    for (const second of [[], web(6)])
      for (const table of walk({ out: new Set(out), second: new Set(second) }, cut, new Set(web(6)), {
        stays: new Set(out),
      }))
        assert.ok(declared.has(groupOf(table.out, inventory, table.second).name));
});

test('the tables of a roll, one after each flip', () => {
  const told = (table: { out: ReadonlySet<string>; second: ReadonlySet<string> }): string =>
    `${[...table.out].join()}/${[...table.second].join()}`;
  const from = { out: new Set<string>(), second: new Set(['b']) };
  const tables = walk(from, [['a'], ['b', 'c'], ['d']], new Set(['b', 'd']));
  assert.deepEqual(tables.map(told), ['a/b', 'c/b', '/', '/d', '/d']);
});

test('different sets have different names, each a key that fits and a folder that the map takes', () => {
  fc.assert(
    fc.property(
      fc
        .uniqueArray(host, { minLength: 2, maxLength: 12 })
        .chain((names) => fc.record({ names: fc.constant(names), one: fc.subarray(names), two: fc.subarray(names) })),
      ({ names, one, two }) => {
        const inventory = world(names);
        const [a, b] = [groupOf(new Set(one), inventory).name, groupOf(new Set(two), inventory).name];
        assert.equal(a === b, one.join() === two.join());
        assert.match(a, /^(?!canary-|stable-|closing-)[a-z0-9-]{1,47}$/);
      },
    ),
  );
});

test('what a roll passes through is declared, also with one host out', () => {
  for (const count of [1, 2, 3, 4, 20, 33]) {
    const inventory = world(web(count), { roll: { batch: [1, '25%'] } });
    const declared = new Set(declaredGroups(inventory).map((group) => group.name));
    for (const one of web(count)) {
      assert.ok(declared.has(groupOf(new Set([one]), inventory).name));
      for (const other of web(count)) {
        if (count > 2) assert.ok(declared.has(groupOf(new Set([one, other]), inventory).name));
      }
    }
    for (const batch of batches(inventory.backends, inventory.roll)) {
      if (batch.length < count) assert.ok(declared.has(groupOf(new Set(batch), inventory).name));
    }
  }
});

const lines = (count: number, wanted: readonly Group[] = []) =>
  declaredGroups(world(web(count)), wanted).length * count;

test('the size of the configuration stays bounded', () => {
  assert.equal(lines(33), 19_635);
  assert.equal(lines(100), 20_100);
  assert.equal(lines(300), 300);
  const two = (count: number) => declaredGroups(world(web(count), { backend: { slots: [8000, 8001] } })).length * count;
  assert.ok(two(20) < 27_000 && two(100) < 65_000, `${two(20)} ${two(100)}`);
  const wanted = web(300).map((name) => groupOf(new Set([name]), world(web(300))));
  const cut = portions(world(web(300)), wanted);
  assert.deepEqual(cut.flat(), wanted);
  for (const portion of cut) assert.ok(lines(300, [...portion]) <= 20_000);
  assert.equal(cut.length, 5);
});
