import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { planBack } from '../../../src/core/planning/back.ts';
import { leastInRotation } from '../../../src/core/planning/ground.ts';
import { mending } from '../../../src/core/planning/mending.ts';
import { lingering } from '../../../src/core/planning/lingering.ts';
import { planPrune } from '../../../src/core/planning/prune.ts';
import { planRest } from '../../../src/core/planning/rest.ts';
import { planRoll } from '../../../src/core/planning/roll.ts';
import { planRollback } from '../../../src/core/planning/rollback.ts';
import { planDrain, planEnable } from '../../../src/core/planning/rotation.ts';
import type { Planned } from '../../../src/core/planning/refusal.ts';
import type { Plan } from '../../../src/core/plan.ts';
import { newestRecord } from '../../../src/core/fleet.ts';
import { outOf } from '../../../src/core/record.ts';
import { level, standings } from '../../../src/core/standing.ts';
import { interpret, laneOf } from './interpreter.ts';
import {
  author,
  copied,
  groupsOf,
  idleOf,
  names,
  planOf,
  rollTo,
  servingOf,
  viewOf,
  worldOf,
  V0,
  V1,
  V2,
  type Balancer,
  type Wish,
  type World,
} from './world.ts';

// What must never happen is asserted by the interpreter, at each step of every plan that is run here.

const percent = fc.integer({ min: 1, max: 100 }).map((n) => `${n}%` as const);
const size = fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 3 }) }, { weight: 1, arbitrary: percent });

const wishes: fc.Arbitrary<Wish> = fc
  .record({
    backends: fc.integer({ min: 2, max: 6 }),
    balancers: fc.integer({ min: 1, max: 3 }),
    how: fc.constantFrom(
      ...([
        ['managed', 'live'],
        ['fixed', 'live'],
        ['managed', 'reload'],
      ] as const),
    ),
    batch: fc.array(size, { minLength: 1, maxLength: 2 }),
    min: fc.constantFrom(1, '25%' as const, '50%' as const),
    pause: fc.boolean(),
    bake: fc.boolean(),
    local: fc.boolean(),
    zones: fc.option(fc.array(fc.constantFrom('a', 'b'), { minLength: 6, maxLength: 6 }), { nil: undefined, freq: 3 }),
    out: fc.option(fc.subarray(names('web', 6), { maxLength: 2 }), { nil: [], freq: 3 }),
    runs: fc.dictionary(fc.constantFrom(...names('web', 6)), fc.constantFrom(V0, V1, V2), { maxKeys: 2 }),
    loaded: fc.constantFrom(...(['all', 'all', 'least', 'none'] as const)),
    // Who has two slots, and whose second one serves.
    two: fc.oneof(fc.constant<string[]>([]), fc.constant(names('web', 6)), fc.subarray(names('web', 6))),
    second: fc.oneof(fc.constant<string[]>([]), fc.constant(names('web', 6)), fc.subarray(names('web', 6))),
  })
  .map(({ how: [configuration, kind], zones, out, two, second, ...rest }) => ({
    ...rest,
    two: two.filter((name) => Number(name.slice(3)) <= rest.backends),
    second: second.filter((name) => two.includes(name) && Number(name.slice(3)) <= rest.backends),
    configuration,
    switch: kind,
    ...(zones === undefined ? {} : { zones }),
    // At least one serves.
    out: out.filter((name) => Number(name.slice(3)) < rest.backends),
  }));

const RUNS = process.env['ORCHESTRATE_TEST_ALL'] ? 4000 : 200;

const seeds = fc.integer({ min: 1, max: 1_000_000 });
/** Where a plan is cut: a share of it. */
const shares = fc.double({ min: 0, max: 1, noNaN: true });

const all = (world: World): string[] => [...world.backends.keys()];
const roll = (world: World, more = {}): Planned =>
  planRoll(world.inventory, viewOf(world), rollTo(world, more), author);

/** How many atoms a plan has, found by running it on a copy. */
const lengthOf = (plan: Plan, world: World): number => interpret(plan, copied(world)).atoms;

/** Where the record has who. */
function outNow(world: World): string[] {
  const record = newestRecord(viewOf(world));
  return record === null ? [] : [...outOf(record)];
}

function assertRests(world: World): void {
  const view = viewOf(world);
  for (const [name, balancer] of world.balancers) {
    assert.doesNotMatch(laneOf(balancer), /^closing-/, `${name} ends in closing`);
    assert.equal(balancer.loaded, balancer.file, `${name} has a text that was never loaded`);
  }
  assert.equal(newestRecord(view)?.intent ?? null, null, 'nothing is told to be unfinished');
}

function assertOn(world: World, release: string | null, hosts = all(world)): void {
  for (const name of hosts) assert.equal(servingOf(world, name).running, release, `what ${name} runs`);
}

/** What every command ends with: nothing that no user is to meet goes on running, and what has served does so for its time. */
function end(world: World, linger = 600_000): void {
  const phases = lingering(world.inventory, viewOf(world), linger);
  const plan: Plan = { version: 1, app: 'shop', title: 'the end', phases, notes: [] };
  assert.equal(interpret(plan, world).ended, 'done');
  if (viewOf(world).begun !== null) return;
  for (const [name, { reachable, current }] of world.backends) {
    const idle = idleOf(world, name);
    if (!reachable || idle === undefined || servingOf(world, name).running === null) continue;
    assert.equal(current, servingOf(world, name).running, `what current of ${name} names`);
    assert.ok(idle.running === null || idle.lingers !== null, `${idle.running} goes on on ${name}`);
    if (linger === 0) assert.equal(idle.running, null);
  }
}

/**
 * With two out besides, no group is declared in which a third is out, and nobody may declare one; nor one in which other second slots
 * serve than on a usual roll's way.
 */
const undeclarable = (world: World, { two = [], second = [], runs = {}, out = [] }: Wish): boolean =>
  world.inventory.nginx.configuration === 'fixed' &&
  (outNow(world).length > 1 ||
    (two.length > 0 &&
      (![0, two.length].includes(second.length) ||
        Object.keys(runs).length > 0 ||
        out.length > 0 ||
        outNow(world).length > 0)));

/** Goes back as change.ts does: observed, planned and run until nothing is left, without those that fail. */
function goBack(world: World, failed: Plan, hosts: readonly string[], seed: number): ReadonlySet<string> {
  const givenUp = new Set<string>();
  for (let round = 0; round < 12; round += 1) {
    const plan = planOf(
      planBack(
        world.inventory,
        viewOf(world),
        { release: failed.from ?? null, failed: failed.to, hosts, givenUp },
        author,
      ),
    );
    if (plan.phases.length === 0) return givenUp;
    const ran = interpret(plan, world, { seed });
    for (const name of ran.failed) givenUp.add(name);
  }
  assert.fail('going back comes to no end');
}

test('a roll ends with one release on all hosts, and who was out by a person stays out', () => {
  let planned = 0;
  fc.assert(
    fc.property(wishes, seeds, fc.boolean(), (wish, seed, migrates) => {
      const world = worldOf(wish);
      const result = roll(world);
      assert.equal(JSON.stringify(roll(world)), JSON.stringify(result), 'the same facts give the same bytes');
      if (result.kind === 'refused') return;
      planned += 1;
      const { plan } = result;
      assert.deepEqual(JSON.parse(JSON.stringify(plan)), plan, 'a plan is JSON');
      assert.equal(interpret(plan, world, { seed, migrates }).ended, 'done');
      assertOn(world, V2);
      assert.deepEqual(outNow(world), wish.out);
      assertRests(world);
      end(world);
      assert.deepEqual(planOf(roll(world)).phases, [], 'nothing is left to do');
      if (wish.configuration === 'fixed')
        assert.doesNotMatch(JSON.stringify(plan), /"script":"(configuration|reload|quiesce)"/);
    }),
    { numRuns: RUNS },
  );
  assert.ok(planned > RUNS / 2, `${planned} planned`);
});

test('a roll that died anywhere is continued by the next', () => {
  fc.assert(
    fc.property(wishes, seeds, shares, (wish, seed, share) => {
      const world = worldOf(wish);
      const result = roll(world);
      if (result.kind === 'refused') return;
      const cut = Math.floor(share * lengthOf(result.plan, world));
      interpret(result.plan, world, { cut, seed });
      interpret(planOf(roll(world)), world, { seed });
      assertOn(world, V2);
      assert.deepEqual(outNow(world), wish.out);
      assertRests(world);
      end(world, 0);
    }),
    { numRuns: RUNS },
  );
});

const fixedWithTwo: Wish = {
  backends: 6,
  balancers: 1,
  batch: [1],
  min: 1,
  pause: false,
  bake: false,
  runs: { web4: V0 },
  loaded: 'all',
  two: names('web', 6),
  second: [],
  configuration: 'fixed',
  switch: 'live',
  out: [],
};

test('from anywhere in a roll there is a way back to one release with all in rotation', () => {
  fc.assert(
    fc.property(wishes, seeds, shares, (wish, seed, share) => {
      const world = worldOf(wish);
      const result = roll(world);
      if (result.kind === 'refused') return;
      const { plan } = result;
      const before = all(world).map((name) => servingOf(world, name).running);
      const cut = Math.floor(share * lengthOf(plan, world));
      interpret(plan, world, { cut, seed });
      if (plan.phases.length === 0) return;
      goBack(world, plan, all(world), seed);
      if (plan.to === undefined) {
        // It only put the routing right.
        assert.deepEqual(
          all(world).map((name) => servingOf(world, name).running),
          before,
        );
        assertRests(world);
        return;
      }
      // One that ran it before the roll, and can't be spared while another is out, stays, and that is told.
      const way = { release: plan.from ?? null, failed: plan.to, hosts: all(world) };
      const { notes } = planOf(planBack(world.inventory, viewOf(world), way, author));
      const tight = notes.find((note) => note.endsWith('too few would be left in rotation')) ?? '';
      const stays = (name: string): boolean => wish.runs?.[name] === V2 && new RegExp(`\\b${name}\\b`).test(tight);
      const serving = all(world).filter((name) => !wish.out?.includes(name) && !stays(name));
      if (!undeclarable(world, wish)) assertOn(world, plan.from ?? null, serving);
      for (const name of wish.out ?? [])
        if (servingOf(world, name).running === V2) assert.equal(V2, plan.from ?? wish.runs?.[name]);
      assert.deepEqual(outNow(world), wish.out);
      assertRests(world);
    }),
    // Nginx has not loaded the groups that would take one along that ran something else, or those on the way that most could go first.
    {
      numRuns: RUNS,
      examples: [
        [{ ...fixedWithTwo, second: names('web', 6) }, 1, 0.61],
        [fixedWithTwo, 1, 0.87],
        // All run it already, and the roll only has its configuration loaded.
        [
          {
            ...fixedWithTwo,
            runs: Object.fromEntries(names('web', 6).map((name) => [name, V2])),
            loaded: 'none',
            configuration: 'managed',
            switch: 'reload',
          },
          1,
          0,
        ],
      ],
    },
  );
});

/** Comes to rest as carrying-out.ts does. */
function comeToRest(world: World, seed: number): void {
  const failed = new Set<string>();
  for (let round = 0; round < 12; round += 1) {
    const plan = planOf(planRest(world.inventory, viewOf(world), failed, author));
    if (plan.phases.length === 0) return;
    for (const name of interpret(plan, world, { seed }).failed) failed.add(name);
  }
  assert.fail('coming to rest comes to no end');
}

test('a roll that stopped anywhere comes to rest with nothing in hand, and what was begun is gone on with or undone', () => {
  fc.assert(
    fc.property(wishes, seeds, shares, fc.boolean(), (wish, seed, share, undo) => {
      const world = worldOf(wish);
      const result = roll(world);
      if (result.kind === 'refused') return;
      const cut = Math.floor(share * lengthOf(result.plan, world));
      interpret(result.plan, world, { cut, seed });
      if (undeclarable(world, wish)) return;
      comeToRest(world, seed);
      assert.deepEqual(outNow(world), wish.out, 'whoever was in hand is back');
      const view = viewOf(world);
      const { begun } = view;
      if (begun === null) return;
      assert.equal(begun.to, V2);
      const builder = view.backends[world.inventory.build.builder];
      const made = builder?.kind === 'seen' ? builder.releases.find(({ release }) => release === begun.to) : undefined;
      assert.ok(made !== undefined, 'what was begun is complete before the first flip');
      const next = undo
        ? planRollback(world.inventory, view, { hosts: all(world), batch: [1] }, author)
        : roll(world, { of: made, hosts: begun.hosts, batch: begun.batch });
      if (next.kind === 'refused') return assert.equal(world.inventory.nginx.configuration, 'fixed');
      interpret(next.plan, world, { seed });
      assertOn(world, undo ? begun.from : V2);
      assert.deepEqual(outNow(world), wish.out);
      assertRests(world);
    }),
    { numRuns: RUNS },
  );
});

/** A backend that can't start a release ends its track; what is left is put right without it. */
test('a backend that can not run the new release, or any, does not keep the others from one release', () => {
  fc.assert(
    fc.property(wishes, seeds, fc.nat(5), fc.boolean(), (wish, seed, nth, dead) => {
      const world = worldOf({ ...wish, runs: {} });
      const result = roll(world);
      if (result.kind === 'refused') return;
      const name = all(world)[nth % all(world).length] ?? '';
      const backend = world.backends.get(name)!;
      backend.broken.add(V2);
      if (dead) backend.broken.add(V1);
      const ran = interpret(result.plan, world, { seed });
      assert.equal(ran.ended, 'failed');
      assert.deepEqual([...ran.failed], [name]);
      const givenUp = goBack(world, result.plan, all(world), seed);
      // With two slots what served serves on.
      assert.deepEqual([...givenUp], dead && !wish.two?.includes(name) ? [name] : []);
      const others = all(world).filter((host) => !givenUp.has(host));
      const enough = all(world).length - outNow(world).length > leastInRotation(world.inventory);
      if (!dead || givenUp.size === 0 || (enough && !undeclarable(world, wish))) assertOn(world, V1, others);
      assert.deepEqual(outNow(world).toSorted(), [...new Set([...(wish.out ?? []), ...givenUp])].toSorted());
    }),
    { numRuns: RUNS },
  );
});

test('a backend that is lost on the way is taken out where enough are left, and comes back with the next roll', () => {
  fc.assert(
    fc.property(wishes, seeds, shares, fc.nat(5), (wish, seed, share, nth) => {
      const world = worldOf({ ...wish, runs: {}, out: [] });
      const result = roll(world);
      if (result.kind === 'refused') return;
      const cut = Math.floor(share * lengthOf(result.plan, world));
      interpret(result.plan, world, { cut, seed });
      const name = all(world)[nth % all(world).length] ?? '';
      world.backends.get(name)!.reachable = false;
      goBack(world, result.plan, all(world), seed);
      const others = all(world).filter((host) => host !== name);
      assert.deepEqual(
        outNow(world).filter((host) => host !== name),
        [],
        'all others are in',
      );
      world.backends.get(name)!.reachable = true;
      const next = roll(world);
      // It comes first, and where it has two slots that is another way than the usual one.
      if (next.kind === 'refused' && wish.configuration === 'fixed' && wish.two?.includes(name) === true) return;
      interpret(planOf(next), world, { seed });
      assertOn(world, V2, others);
      assertOn(world, V2);
      assert.deepEqual(outNow(world), []);
      assertRests(world);
    }),
    { numRuns: RUNS },
  );
});

/** Any commands in any order, each perhaps cut off, some by somebody who can't reach all; then one whole roll. */
const deeds = fc.array(
  fc.record({
    verb: fc.constantFrom(...(['roll', 'roll', 'back', 'rollback', 'drain', 'enable'] as const)),
    hosts: fc.option(fc.subarray(names('web', 6), { minLength: 1 }), { nil: undefined }),
    share: fc.option(shares, { nil: 1 }),
    seed: seeds,
    away: fc.option(fc.constantFrom(...names('web', 6), 'lb1', 'lb2'), { nil: undefined, freq: 2 }),
    breaks: fc.option(fc.constantFrom(...names('web', 6)), { nil: undefined, freq: 2 }),
  }),
  { minLength: 1, maxLength: 5 },
);

test('whatever was begun and not ended, nothing that must never happen does, and a roll sets all right', () => {
  const ran = { planned: 0, refused: 0, atoms: 0 };
  fc.assert(
    fc.property(wishes, deeds, (wish, todo) => {
      const world = worldOf(wish);
      let last: Plan | undefined;
      for (const { verb, hosts: some, share, seed, away, breaks } of todo) {
        const hosts = some?.filter((name) => world.backends.has(name)) ?? all(world);
        const gone = world.backends.get(away ?? '') ?? world.balancers.get(away ?? '');
        const broken = world.backends.get(breaks ?? '');
        if (gone !== undefined) gone.reachable = false;
        broken?.broken.add(V2);
        const view = viewOf(world);
        const { inventory } = world;
        const planned: Planned =
          verb === 'roll'
            ? roll(world, { hosts })
            : verb === 'rollback'
              ? planRollback(inventory, view, { hosts, batch: inventory.roll.batch }, author)
              : verb === 'drain'
                ? planDrain(inventory, view, hosts, 'a new disk', author)
                : verb === 'enable'
                  ? planEnable(inventory, view, hosts, author)
                  : planBack(inventory, view, { release: last?.from ?? V1, failed: last?.to, hosts }, author);
        ran[planned.kind] += 1;
        if (planned.kind === 'planned') {
          last = planned.plan;
          const cut = share === 1 ? Infinity : Math.floor(share * lengthOf(last, world));
          ran.atoms += interpret(last, world, { cut, seed }).atoms;
        }
        if (gone !== undefined) gone.reachable = true;
        broken?.broken.clear();
      }
      const out = outNow(world).filter((name) =>
        /disk/.test(newestRecord(viewOf(world))?.backends[name]?.reason ?? ''),
      );
      const result = roll(world);
      if (result.kind === 'refused') return;
      interpret(result.plan, world);
      assertOn(world, V2);
      assert.deepEqual(outNow(world), out);
      assertRests(world);
    }),
    { numRuns: RUNS },
  );
  assert.ok(ran.planned > ran.refused, JSON.stringify(ran));
});

/** The same wishes for a fleet that has grown and shrunk since its record was written. */
const grown: fc.Arbitrary<Wish> = fc
  .tuple(
    wishes,
    fc.integer({ min: 0, max: 2 }),
    fc.integer({ min: 0, max: 2 }),
    fc.subarray(names('old', 2)),
    fc.boolean(),
  )
  .map(([wish, newcomers, former, away, installed]) => ({
    ...wish,
    backends: (wish.backends ?? 0) + newcomers,
    newcomers,
    former,
    out: [...(wish.out ?? []), ...away.slice(0, former).filter((name) => Number(name.slice(3)) <= former)],
    // An administrator installs what the inventory asks for, and that has no line for what has left.
    installed: installed && newcomers > 0 && former === 0 && wish.switch === 'live',
  }));

const stay = (wish: Wish): string[] => (wish.out ?? []).filter((name) => name.startsWith('web'));

test('a backend that is new is sent nothing before its first roll, and one that has left is forgotten, wherever that roll dies', () => {
  let planned = 0;
  fc.assert(
    fc.property(grown, seeds, shares, (wish, seed, share) => {
      const world = worldOf(wish);
      const result = roll(world);
      if (result.kind === 'refused') return;
      planned += 1;
      const cut = Math.floor(share * lengthOf(result.plan, world));
      interpret(result.plan, world, { cut, seed });
      interpret(planOf(roll(world)), world, { seed });
      assertOn(world, V2);
      assert.deepEqual(outNow(world), stay(wish));
      assertRests(world);
      assert.deepEqual(planOf(roll(world)).phases, [], 'nothing is left to do');
    }),
    { numRuns: RUNS },
  );
  assert.ok(planned > RUNS / 3, `${planned} planned`);
});

test('a roll that brings in new backends can be taken back from anywhere, and they stay out', () => {
  fc.assert(
    fc.property(grown, seeds, shares, (wish, seed, share) => {
      const world = worldOf({ ...wish, runs: {} });
      const result = roll(world);
      if (result.kind === 'refused' || result.plan.phases.length === 0) return;
      const fresh = all(world).slice(all(world).length - (wish.newcomers ?? 0));
      const cut = Math.floor(share * lengthOf(result.plan, world));
      interpret(result.plan, world, { cut, seed });
      const record = newestRecord(viewOf(world));
      // Once they are in there is no release to take them back to: that is told.
      if (fresh.some((name) => record?.backends[name]?.rotation === 'in')) return;
      // With `fixed` the groups without them may be lacking, with another out as well: that is told, and all stays as it is.
      const back = { release: V1, failed: V2, hosts: all(world) };
      const way = planBack(world.inventory, viewOf(world), back, author);
      if (way.kind === 'refused' && wish.configuration === 'fixed' && /has not loaded the groups/.test(way.message))
        return;
      goBack(world, result.plan, all(world), seed);
      const serving = all(world).filter((name) => !fresh.includes(name) && !wish.out?.includes(name));
      if (!undeclarable(world, wish)) assertOn(world, V1, serving);
      for (const name of fresh) assert.notEqual(newestRecord(viewOf(world))?.backends[name]?.rotation, 'in');
    }),
    { numRuns: RUNS },
  );
});

test('whatever else is done while backends are new, nothing is sent to them', () => {
  fc.assert(
    fc.property(grown, deeds, (wish, todo) => {
      const world = worldOf(wish);
      const { inventory } = world;
      for (const { verb, hosts: some, share, seed } of todo) {
        const hosts = some?.filter((name) => world.backends.has(name)) ?? all(world);
        const view = viewOf(world);
        const planned: Planned =
          verb === 'drain'
            ? planDrain(inventory, view, hosts, 'a new disk', author)
            : verb === 'enable'
              ? planEnable(inventory, view, hosts, author)
              : verb === 'rollback'
                ? planRollback(inventory, view, { hosts, batch: inventory.roll.batch }, author)
                : planBack(inventory, view, { release: V1, failed: V2, hosts }, author);
        if (planned.kind === 'refused') continue;
        const cut = share === 1 ? Infinity : Math.floor(share * lengthOf(planned.plan, world));
        interpret(planned.plan, world, { cut, seed });
      }
    }),
    { numRuns: RUNS },
  );
});

/** What a hand may do to a balancer's routing. Each returns whether it changed something. */
const hands: Readonly<Record<string, (balancer: Balancer, groups: readonly string[]) => boolean>> = {
  'moves `live` back': (balancer) => {
    const earlier = [...balancer.generations.keys()].filter((number) => number < (balancer.live ?? 0)).at(-1);
    if (earlier === undefined) return false;
    balancer.live = earlier;
    return true;
  },
  'changes a link': (balancer, groups) => {
    const entry = balancer.generations.get(balancer.live ?? -1);
    const lane = groups.find((name) => name !== entry?.lane);
    if (entry === undefined || lane === undefined) return false;
    balancer.generations.set(balancer.live!, { ...entry, lane });
    return true;
  },
  'edits the record': (balancer) => {
    const entry = balancer.generations.get(balancer.live ?? -1);
    if (entry === undefined) return false;
    balancer.generations.set(balancer.live!, { ...entry, record: { ...entry.record, by: 'mallory@desk' } });
    return true;
  },
};

test('what a hand changed on a balancer is refused by every command, and both ways out end with one routing and one release', () => {
  const ran = { refused: 0, mended: 0 };
  fc.assert(
    fc.property(
      wishes,
      seeds,
      shares,
      fc.constantFrom(...Object.keys(hands)),
      fc.nat(2),
      fc.boolean(),
      (wish, seed, share, hand, nth, adopts) => {
        const world = worldOf({ ...wish, loaded: 'all' });
        const first = roll(world);
        if (first.kind === 'refused') return;
        interpret(first.plan, world, { cut: Math.floor(share * lengthOf(first.plan, world)), seed });
        const name = [...world.balancers.keys()][nth % world.balancers.size] ?? '';
        const balancer = world.balancers.get(name)!;
        if (balancer.flipped === null || balancer.loaded === null) return;
        if (!hands[hand]?.(balancer, Object.keys(groupsOf(balancer.loaded)))) return;
        balancer.edited = true;
        const { inventory } = world;
        const hosts = all(world);
        const view = viewOf(world);
        for (const planned of [
          roll(world),
          planRollback(inventory, view, { hosts, batch: inventory.roll.batch }, author),
          planDrain(inventory, view, ['web1'], 'a new disk', author),
          planEnable(inventory, view, ['web1'], author),
          planPrune(inventory, view),
          planBack(inventory, view, { release: V1, failed: V2, hosts }, author),
        ]) {
          assert.ok(planned.kind === 'refused' || planned.plan.title === 'the configuration as it was');
          if (planned.kind === 'refused') assert.match(planned.message, /was changed by hand; nothing was touched/);
        }
        ran.refused += 1;
        const truth = adopts ? { adopt: name } : { overwrite: true };
        const mended = mending(inventory, view, truth, author, (seen) =>
          planRoll(inventory, seen, rollTo(world), author),
        );
        if (mended.kind === 'refused') {
          assert.doesNotMatch(mended.message, /by hand/);
          return;
        }
        ran.mended += 1;
        assert.equal(interpret(mended.plan, world, { seed }).ended, 'done');
        assertOn(world, V2);
        assertRests(world);
        assert.ok(level(viewOf(world)));
      },
    ),
    { numRuns: RUNS },
  );
  assert.ok(ran.mended > ran.refused / 3, JSON.stringify(ran));
});

test('balancers that were away catch up with whatever command comes next', () => {
  fc.assert(
    fc.property(wishes, seeds, fc.nat(2), (wish, seed, nth) => {
      const { two = [], loaded = 'all' } = wish;
      // What a text does not know falls to all, and that is every slot.
      const world = worldOf({
        ...wish,
        balancers: Math.max(2, wish.balancers ?? 2),
        ...(two.length > 0 ? { loaded: 'all', second: [], runs: {}, out: [] } : { loaded }),
      });
      const first = planOf(planDrain(world.inventory, viewOf(world), [], 'x', author));
      interpret(first, world, { seed });
      const name = [...world.balancers.keys()][nth % world.balancers.size] ?? '';
      const rest = [...world.balancers].filter(([other]) => other !== name);
      const part = {
        ...world,
        inventory: {
          ...world.inventory,
          balancers: world.inventory.balancers.filter((balancer) => balancer.name !== name),
        },
        balancers: new Map(rest),
      };
      const rolled = roll(part);
      if (rolled.kind === 'refused') return;
      interpret(rolled.plan, part, { seed });
      const before = [...standings(viewOf(world)).values()].map(({ kind }) => kind);
      assert.ok(!before.includes('edited'), before.join());
      const next = mending(world.inventory, viewOf(world), {}, author, (seen) => planPrune(world.inventory, seen));
      if (next.kind === 'refused') return;
      assert.equal(interpret(next.plan, world, { seed }).ended, 'done');
      assert.ok(level(viewOf(world)));
    }),
    // A whole number: with any other fast-check never comes to its end.
    { numRuns: Math.ceil(RUNS / 3) },
  );
});
