import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { divided, unlike } from '../../src/core/planning/unlike.ts';
import { statusOf, type Status } from '../../src/core/status.ts';
import { inventoryOf } from './inventory/world.ts';
import { digestOf, viewOf, worldOf, V1, V2, type Wish, type World } from './planning/world.ts';

const status = (world: World, health = {}): Status =>
  statusOf(world.inventory, viewOf(world), health, Date.UTC(2026, 10, 23));
const record = (world: World, name = 'lb1') => world.balancers.get(name)!.generations.get(7)!.record;

describe('status', () => {
  test('of one release, healthy, is exit 0 and has nothing to say', () => {
    const { exit, drift, unfinished, backends, balancers } = status(worldOf({ backends: 2 }), {
      web1: 'healthy',
      web2: 'healthy',
    });
    assert.deepEqual([exit, drift, unfinished], [0, [], null]);
    assert.deepEqual(backends[0], {
      name: 'web1',
      rotation: 'in',
      reason: null,
      since: '2026-11-01T00:00:00.000Z',
      running: V1,
      slot: null,
      current: V1,
      health: 'healthy',
    });
    assert.deepEqual(balancers, [{ name: 'lb1', generation: 7, serves: true }]);
  });

  test('of a host that a person took out is no drift, and tells why and since when', () => {
    const { exit, backends } = status(worldOf({ out: ['web2'] }));
    assert.equal(exit, 0);
    assert.deepEqual([backends[1]?.rotation, backends[1]?.reason], ['out', 'a new disk']);
  });

  const drifts: [string, Wish, (world: World) => void, RegExp][] = [
    ['two releases', { runs: { web1: V2 } }, () => {}, /^the fleet is mixed: .* on web1; .* on web2, web3, web4$/],
    [
      'a host that was not restarted',
      {},
      (world) => (world.backends.get('web1')!.current = V2),
      /^web1 runs .*, but its link `current` names .*: it was not restarted since$/,
    ],
    ['a host that runs nothing', { runs: { web1: null } }, () => {}, /^web1 runs no release$/],
    [
      'a host that can not be looked at',
      {},
      (world) => (world.backends.get('web1')!.reachable = false),
      /^web1 could not be looked at: no route$/,
    ],
    [
      'a balancer that can not be looked at',
      { balancers: 2 },
      (world) => (world.balancers.get('lb2')!.reachable = false),
      /^lb2 could not be looked at: no route$/,
    ],
    [
      'a host that a roll had in hand',
      { out: ['web1'] },
      (world) => (record(world).backends['web1']!.reason = `being switched to ${V2}`),
      /^web1 is out of rotation by nobody's word .*: the next roll puts it back$/,
    ],
    [
      'a configuration that nobody loaded',
      {},
      (world) => {
        const balancer = world.balancers.get('lb1')!;
        [balancer.former, balancer.file] = [balancer.file, `${balancer.file}#`];
      },
      /^lb1 has a configuration that was written and never loaded: /,
    ],
    [
      'connections that end with each answer',
      {},
      (world) => (record(world).table['stable'] = 'closing-all'),
      /^a reload was begun and not ended/,
    ],
  ];
  for (const [what, wish, change, sentence] of drifts)
    test(`of ${what} is exit 4, in one sentence`, () => {
      const world = worldOf(wish);
      change(world);
      const { exit, drift } = status(world);
      assert.equal(exit, 4);
      assert.equal(drift.length, 1, drift.join('\n'));
      assert.match(drift[0] ?? '', sentence);
    });

  test('of a host that is not healthy says what it answered', () => {
    assert.deepEqual(status(worldOf({}), { web2: 'answered 503, not 200' }).drift, [
      'web2 is not healthy: answered 503, not 200',
    ]);
  });

  test('of balancers that differ says which serves what, why, and what becomes of it', () => {
    const world = worldOf({ balancers: 2 });
    const next = { lane: 'all', record: { ...record(world), generation: 8 } };
    const lb2 = world.balancers.get('lb2')!;
    lb2.generations.set(8, next);
    Object.assign(lb2, { live: 8, flipped: { number: 8, sum: digestOf(next.record) } });
    assert.deepEqual(status(world).drift, [
      'lb1 is behind: it serves generation 7, and lb2 serves 8. It was away; the next command lets it catch up',
    ]);
    world.balancers.get('lb1')!.generations.set(8, next);
    assert.deepEqual(status(world).drift, [
      'lb1 holds generation 8, which lb2 serves, and still serves 7: a flip was begun and not ended; the next command ends it',
    ]);
  });

  test('of a balancer that was changed by hand says who is out where by whose word, and the two ways out', () => {
    const world = worldOf({ balancers: 2 });
    world.balancers.get('lb2')!.generations.set(7, { lane: 'out-web1', record: record(world) });
    const { exit, drift } = status(world);
    assert.equal(exit, 4);
    assert.deepEqual(drift.slice(0, 4), [
      'lb2: its links were changed by hand',
      'lb1 (generation 7) sends to every backend',
      'lb2 (generation 7) sends nothing to web1',
      'the record of generation 7 (ada@desk, `roll`, 2026-11-01T00:00:00.000Z) has nobody out',
    ]);
    assert.match(drift[4] ?? '', /^`--adopt lb2`.*`--overwrite`/);
  });

  test('of a backend that is new to the inventory says that nothing is sent there before its first roll', () => {
    const { exit, backends, drift } = status(worldOf({ backends: 3, newcomers: 1 }));
    assert.equal(exit, 4);
    assert.deepEqual([backends[2]?.rotation, backends[2]?.reason], ['out', 'new: not rolled yet']);
    assert.ok(drift.includes('web3 is new, and out of rotation until its first roll'));
  });

  test('of a roll that was not finished says who began it with what', () => {
    const world = worldOf({
      intent: {
        kind: 'roll',
        from: V1,
        to: V2,
        hosts: ['web1', 'web2'],
        batch: [1],
        by: 'ada@desk',
        command: 'roll --ref main',
        at: '2026-11-01T00:00:00.000Z',
      },
    });
    const { exit, unfinished } = status(world);
    assert.equal(exit, 4);
    assert.equal(
      unfinished,
      `ada@desk began \`roll --ref main\` at 2026-11-01T00:00:00.000Z and has not finished it: 0 of its 2 hosts run ${V2}`,
    );
  });

  test('before the first roll invents nothing', () => {
    const { backends, balancers } = status(worldOf({ fresh: true, backends: 2 }));
    assert.deepEqual(
      backends.map(({ rotation }) => rotation),
      ['not recorded', 'not recorded'],
    );
    assert.deepEqual(balancers, [{ name: 'lb1', generation: null, serves: false }]);
  });

  test('of some hosts only tells of those', () => {
    const world = worldOf({});
    const some = { ...world.inventory, backends: world.inventory.backends.slice(0, 1) };
    assert.deepEqual(
      statusOf(some, viewOf(world), {}, 0).backends.map(({ name }) => name),
      ['web1'],
    );
    assert.ok(inventoryOf({}).backends.length > 1);
  });
});

describe('one more look', () => {
  const plan = {
    version: 1,
    app: 'shop',
    title: 'x',
    to: V1,
    notes: [],
    phases: [{ name: 'batch', title: 'x', tracks: [], batch: { number: 1, of: 1, hosts: ['web1', 'web2'] } }],
  } as const;

  test('finds nothing where all is as the plan said', () => {
    assert.deepEqual(unlike(viewOf(worldOf({ runs: { web3: V2 } })), plan), [], 'web3 is not of the plan');
  });

  test('finds a host on another release, one that is gone, and a balancer that does not serve', () => {
    const world = worldOf({ balancers: 2, runs: { web1: V2 } });
    world.backends.get('web2')!.reachable = false;
    world.balancers.get('lb2')!.loaded = null;
    assert.deepEqual(unlike(viewOf(world), plan), [
      `web1 runs ${V2}, not ${V1}`,
      "web2 can't be looked at any more: no route",
      'lb2 does not serve generation 7',
    ]);
  });

  test('finds the fleet divided where what is in rotation is mixed, and not for what a person or its death took out', () => {
    assert.deepEqual(divided(viewOf(worldOf({}))), []);
    assert.deepEqual(divided(viewOf(worldOf({ out: ['web1'], runs: { web1: V2 } }))), []);
    const mixed = worldOf({ runs: { web1: V2 } });
    assert.match(
      divided(viewOf(mixed)).join(),
      /^what is in rotation is mixed: .* on web1; .* on web2, web3 and web4$/,
    );
    mixed.backends.get('web1')!.reachable = false;
    assert.deepEqual(divided(viewOf(mixed)), []);
  });

  test('finds the fleet divided where a host that can be reached is still in hand', () => {
    const world = worldOf({ out: ['web1'] });
    record(world).backends['web1']!.reason = `being switched to ${V2}`;
    assert.deepEqual(divided(viewOf(world)), ['web1 has not come back into rotation']);
    world.backends.get('web1')!.reachable = false;
    assert.deepEqual(divided(viewOf(world)), []);
  });
});
