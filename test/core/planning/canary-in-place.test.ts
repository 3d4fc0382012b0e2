import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { newestRecord } from '../../../src/core/fleet.ts';
import type { Plan } from '../../../src/core/plan.ts';
import { planCanary, type CanaryWish } from '../../../src/core/planning/canary.ts';
import { canaryHosts, tooMuch } from '../../../src/core/planning/canary-hosts.ts';
import type { Planned } from '../../../src/core/planning/refusal.ts';
import { planRollback } from '../../../src/core/planning/rollback.ts';
import { planDrain, planEnable } from '../../../src/core/planning/rotation.ts';
import { arming, planAbort, planPromote, planShare, planSpare } from '../../../src/core/planning/split.ts';
import { interpret } from './interpreter.ts';
import {
  author,
  copied,
  digestOf,
  names,
  planOf,
  rollTo,
  servingOf,
  viewOf,
  worldOf,
  V1,
  V2,
  type Wish,
  type World,
} from './world.ts';

// Backends with one slot. What must never happen is asserted by the interpreter, at each step of every plan that is run here.

const wishes: fc.Arbitrary<Wish> = fc
  .record({
    backends: fc.integer({ min: 2, max: 6 }),
    balancers: fc.integer({ min: 1, max: 3 }),
    zones: fc.constantFrom(undefined, ['a', 'b']),
    out: fc.boolean(),
    loaded: fc.constantFrom('all', 'least'),
  })
  .map(({ zones, out, backends, loaded, ...rest }) => ({
    ...rest,
    backends,
    loaded,
    ...(zones === undefined ? {} : { zones: names('web', backends).map((_, at) => zones[at % 2] ?? 'a') }),
    out: out && backends > 2 ? ['web1'] : [],
    min: 1,
  }));

const RUNS = process.env['ORCHESTRATE_TEST_ALL'] ? 4000 : 100;

const canaryOf = (world: World, more: Partial<CanaryWish> = {}): CanaryWish => ({
  of: rollTo(world).of,
  shares: [10],
  hold: 60_000,
  promote: 'ask',
  warnings: [],
  ...more,
});
const begin = (world: World, more: Partial<CanaryWish> = {}): Planned =>
  planCanary(world.inventory, viewOf(world), canaryOf(world, more), author);
const AB = { name: 'checkout', until: '2026-12-24T06:00:00.000Z', a: undefined, goals: [] } as const;
const splitNow = (world: World) => newestRecord(viewOf(world))?.split;

function run(world: World, planned: Planned): void {
  const plan = planOf(planned);
  assert.equal(interpret(plan, world).ended, 'done', plan.title);
  finish(world);
}

function finish(world: World): void {
  const phases: Plan['phases'] = arming(world.inventory, viewOf(world), author);
  assert.equal(interpret({ version: 1, app: 'shop', title: 'the end', phases, notes: [] }, world).ended, 'done');
}

/** What the follower on a balancer does when nobody watches, or when a window is over. */
function moveByItself(balancer: World['balancers'] extends Map<string, infer B> ? B : never): void {
  const number = Math.max(...balancer.generations.keys());
  balancer.live = number;
  balancer.flipped = { number, sum: digestOf(balancer.generations.get(number)!.record) };
}

function assertAlone(world: World, release: string, out: readonly string[] = []): void {
  const record = newestRecord(viewOf(world));
  assert.equal(record?.split, undefined);
  assert.equal(record?.intent ?? null, null);
  for (const name of world.backends.keys()) {
    assert.equal(servingOf(world, name).running, release, name);
    assert.equal(record?.backends[name]?.rotation, out.includes(name) ? 'out' : 'in', name);
  }
}

const rollback = (world: World): Planned =>
  planRollback(world.inventory, viewOf(world), { hosts: [...world.backends.keys()], batch: [1] }, author);

test('whatever is done while it lives, it ends with one release alone', () => {
  fc.assert(
    fc.property(
      wishes,
      fc.integer({ min: 1, max: 60 }),
      fc.array(fc.constantFrom('share', 'pause', 'drain', 'enable'), { maxLength: 4 }),
      fc.constantFrom('promote', 'abort', 'rollback'),
      (wish, share, deeds, end) => {
        const world = worldOf(wish);
        const { inventory } = world;
        run(world, begin(world, { shares: [share] }));
        const split = splitNow(world);
        assert.deepEqual([split?.canary, split?.baseline, split?.share], [V2, V1, share]);
        const [first = ''] = split?.hosts ?? [];
        for (const name of world.backends.keys())
          assert.equal(servingOf(world, name).running, split?.hosts?.includes(name) === true ? V2 : V1);
        let drained = false;
        for (const deed of deeds) {
          const view = viewOf(world);
          const planned =
            deed === 'share'
              ? planShare(inventory, view, 50, author)
              : deed === 'pause'
                ? planShare(inventory, view, 0, author)
                : deed === 'drain'
                  ? planDrain(inventory, view, [first], 'a new disk', author)
                  : planEnable(inventory, view, [first], author);
          if (planned.kind !== 'planned') continue;
          run(world, planned);
          if (deed === 'drain' || deed === 'enable') drained = deed === 'drain';
          assert.equal(splitNow(world)?.canary, V2, 'it lives on');
        }
        const promoted = planPromote(inventory, viewOf(world), author);
        const kept = end === 'promote' && promoted.kind === 'planned';
        // Where the canary's host was taken out, the others may not be spared.
        if (end === 'promote' && !kept) assert.ok(drained);
        if (kept) run(world, promoted);
        else run(world, end === 'rollback' ? rollback(world) : planAbort(inventory, viewOf(world), author));
        assertAlone(world, kept ? V2 : V1, [...(wish.out ?? []), ...(drained ? [first] : [])]);
        assert.equal(newestRecord(viewOf(world))?.ended?.how, kept ? 'promoted' : 'aborted');
      },
    ),
    { numRuns: RUNS },
  );
});

test('one that died anywhere as it began, or as it was aborted, is ended by an abort, and by a rollback', () => {
  fc.assert(
    fc.property(
      wishes,
      fc.boolean(),
      fc.boolean(),
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (wish, ends, rolls, seed, at) => {
        const world = worldOf(wish);
        if (ends) run(world, begin(world));
        const plan = planOf(ends ? planAbort(world.inventory, viewOf(world), author) : begin(world));
        const { atoms } = interpret(plan, copied(world));
        interpret(plan, world, { cut: Math.floor(at * atoms), seed });
        for (let round = 0; round < 4; round += 1) {
          const begun = viewOf(world).begun !== null || splitNow(world) !== undefined;
          const planned = rolls && begun ? rollback(world) : planAbort(world.inventory, viewOf(world), author);
          if (planned.kind === 'planned') interpret(planned.plan, world);
        }
        finish(world);
        assertAlone(world, V1, wish.out);
      },
    ),
    { numRuns: RUNS },
  );
});

test('a release that does not start on its host has met no user, and the host comes back', () => {
  const world = worldOf({ backends: 4 });
  const plan = planOf(begin(world));
  const host = plan.phases.find(({ name }) => name === 'batch')?.tracks[0]?.host ?? '';
  world.backends.get(host)!.broken.add(V2);
  assert.equal(interpret(plan, world).ended, 'failed');
  assert.equal(splitNow(world), undefined);
  run(world, planAbort(world.inventory, viewOf(world), author));
  assertAlone(world, V1);
});

test('where nobody watches the balancers send everybody back, and whoever comes next brings the former release to its hosts', () => {
  fc.assert(
    fc.property(wishes, fc.boolean(), (wish, some) => {
      const world = worldOf(wish);
      run(world, begin(world, { shares: [50] }));
      const hosts = splitNow(world)?.hosts ?? [];
      const [first, ...others] = world.balancers.values();
      // With several balancers not all need have come to it.
      for (const balancer of some ? [first!] : [first!, ...others]) moveByItself(balancer);
      assert.equal(splitNow(world), undefined);
      const { begun } = viewOf(world);
      assert.deepEqual([begun?.kind, begun?.to, begun?.hosts], ['rollback', V1, hosts]);
      run(
        world,
        planRollback(world.inventory, viewOf(world), { release: V1, hosts, batch: begun?.batch ?? [1] }, author),
      );
      assertAlone(world, V1, wish.out);
      assert.equal(newestRecord(viewOf(world))?.ended?.how, 'unwatched');
    }),
    { numRuns: RUNS },
  );
});

test('while it lives nothing takes the last host from the release that serves', () => {
  const world = worldOf({ backends: 2, min: 1 });
  run(world, begin(world, { hosts: ['web2'] }));
  const planned = planDrain(world.inventory, viewOf(world), ['web1'], 'a new disk', author);
  assert.ok(planned.kind === 'refused' && /Nothing would be left to serve/.test(planned.message));
  run(world, planDrain(world.inventory, viewOf(world), ['web2'], 'a new disk', author));
  assert.equal(splitNow(world)?.canary, V2, 'its users are with the others meanwhile');
  run(world, planEnable(world.inventory, viewOf(world), ['web2'], author));
  run(world, planAbort(world.inventory, viewOf(world), author));
  assertAlone(world, V1);
});

test('everybody is back though a canary host is away', () => {
  const world = worldOf({ backends: 3 });
  run(world, begin(world, { hosts: ['web2'] }));
  world.backends.get('web2')!.reachable = false;
  const planned = planAbort(world.inventory, viewOf(world), author);
  run(world, planned);
  assert.equal(splitNow(world), undefined);
  assert.equal(newestRecord(viewOf(world))?.backends['web2']?.rotation, 'out');
  world.backends.get('web2')!.reachable = true;
  run(world, rollback(world));
  assertAlone(world, V1);
});

test('hosts are as many as carry the share, from all zones in turn, or those that were named', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 30 }),
      fc.integer({ min: 1, max: 99 }),
      fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 30, maxLength: 30 }),
      (backends, share, zones) => {
        const { inventory } = worldOf({ backends, min: 1, zones: zones.slice(0, backends) });
        const all = names('web', backends);
        const chosen = canaryHosts(inventory, { in: all, out: [], reasonOf: () => undefined }, share, undefined);
        assert.ok('hosts' in chosen);
        const { hosts, warnings } = chosen;
        assert.ok(hosts.length >= 1 && hosts.length < backends);
        assert.ok(hosts.length / backends >= share / 100 || hosts.length === backends - 1);
        assert.equal(warnings.length > 0, share / 100 > (1.25 * hosts.length) / backends);
        const left = Map.groupBy(
          inventory.backends.filter(({ name }) => !hosts.includes(name)),
          ({ zone }) => zone,
        );
        const before = Map.groupBy(inventory.backends, ({ zone }) => zone);
        const touched = [...before].filter(([zone, of]) => (left.get(zone)?.length ?? 0) < of.length);
        const most = Math.max(...[...before.keys()].map((zone) => left.get(zone)?.length ?? 0));
        for (const [zone] of touched) assert.ok((left.get(zone)?.length ?? 0) >= most - 1, 'from the fullest');
      },
    ),
    { numRuns: RUNS },
  );
});

test('what hosts can not carry is told in numbers; who can not be chosen is told why', () => {
  assert.deepEqual(tooMuch(2, ['web1'], 10), []);
  assert.deepEqual(tooMuch(20, ['web3'], 50), [
    '50 % of the users on 1 of 20 backends: web3 gets 10.0 times the requests that a backend gets now; 10 hosts would carry it',
  ]);
  const refusedFor = (wish: Wish, hosts?: readonly string[]): string => {
    const planned = begin(worldOf(wish), hosts === undefined ? {} : { hosts });
    assert.ok(planned.kind === 'refused' && planned.exit === 2, JSON.stringify(planned));
    return planned.message;
  };
  assert.match(refusedFor({ backends: 1 }), /need two of them in rotation, one for each; there is web1 alone/);
  assert.match(refusedFor({ backends: 3 }, ['web1', 'web2', 'web3']), /leaves no backend to the one that serves/);
  assert.match(refusedFor({ backends: 3, out: ['web2'], min: 1 }, ['web2']), /web2 is out of rotation/);
  assert.match(refusedFor({ backends: 3, two: ['web1'] }), /on a second slot of each backend; web2 and web3 have one/);
  assert.match(refusedFor({ backends: 2, two: ['web1', 'web2'] }, ['web2']), /hosts need not be chosen/);
});

test('an A/B window on hosts of its own is ended by a word, by a rollback, or by the balancers, and then by whoever comes next', () => {
  fc.assert(
    fc.property(
      wishes,
      fc.constantFrom('a' as const, 'ask' as const),
      fc.constantFrom('a', 'b', 'rollback', 'balancers'),
      fc.integer({ min: 1, max: 60 }),
      (wish, next, end, share) => {
        const world = worldOf(wish);
        const { inventory } = world;
        run(world, begin(world, { shares: [share], ab: { ...AB, next } }));
        const { hosts = [], ab, name } = splitNow(world) ?? {};
        assert.deepEqual([name, ab?.next, hosts.length > 0], [AB.name, next, true]);
        if (end === 'balancers') {
          if (next === 'ask') return;
          for (const balancer of world.balancers.values()) moveByItself(balancer);
          const record = newestRecord(viewOf(world));
          assert.equal(record?.ended?.how, 'ended');
          for (const backend of world.backends.keys())
            if (record?.backends[backend]?.rotation === 'in') assert.equal(servingOf(world, backend).running, V1);
          run(world, planAbort(inventory, viewOf(world), author));
        } else
          run(
            world,
            end === 'a'
              ? planAbort(inventory, viewOf(world), author)
              : end === 'b'
                ? planPromote(inventory, viewOf(world), author)
                : rollback(world),
          );
        assertAlone(world, end === 'b' ? V2 : V1, wish.out ?? []);
      },
    ),
    { numRuns: RUNS },
  );
});

test('the balancers can not roll hosts with one slot to side B', () => {
  const planned = begin(worldOf({ backends: 4 }), { ab: { ...AB, next: 'b' } });
  assert.ok(planned.kind === 'refused' && planned.exit === 2 && /ab end --then b/.test(planned.next));
});

test('a host whose canary answers no more is taken out of rotation, and the last of them ends the canary', () => {
  const world = worldOf({ backends: 5 });
  run(world, begin(world, { hosts: ['web2', 'web3'] }));
  run(world, planSpare(world.inventory, viewOf(world), ['web2'], author));
  const record = newestRecord(viewOf(world));
  assert.equal(record?.split?.canary, V2);
  assert.deepEqual([record?.backends['web2']?.rotation, record?.table['canary']], ['out', 'canary-only-web3']);
  run(world, planSpare(world.inventory, viewOf(world), ['web3'], author));
  assert.equal(splitNow(world), undefined);
  for (const name of names('web', 5)) assert.equal(servingOf(world, name).running, V1);
});
