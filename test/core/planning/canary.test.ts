import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { newestRecord } from '../../../src/core/fleet.ts';
import type { Plan } from '../../../src/core/plan.ts';
import { outOf } from '../../../src/core/record.ts';
import { planCanary, type CanaryWish } from '../../../src/core/planning/canary.ts';
import { lingering, planLingerStop } from '../../../src/core/planning/lingering.ts';
import type { Planned } from '../../../src/core/planning/refusal.ts';
import { planReturn } from '../../../src/core/planning/return.ts';
import { planRoll } from '../../../src/core/planning/roll.ts';
import { planRollback } from '../../../src/core/planning/rollback.ts';
import { planDrain, planEnable } from '../../../src/core/planning/rotation.ts';
import { arming, planAbort, planPromote, planShare, planSpare } from '../../../src/core/planning/split.ts';
import { sealOf } from '../../../src/core/sealed.ts';
import { interpret } from './interpreter.ts';
import {
  author as person,
  copied,
  idleOf,
  names,
  planOf,
  rollTo,
  sends,
  servingOf,
  viewOf,
  worldOf,
  V1,
  V2,
  type Wish,
  type World,
} from './world.ts';

// What must never happen is asserted by the interpreter, at each step of every plan that is run here.

const wishes: fc.Arbitrary<Wish> = fc
  .record({
    backends: fc.integer({ min: 2, max: 5 }),
    balancers: fc.integer({ min: 1, max: 3 }),
    configuration: fc.constantFrom('managed', 'fixed'),
    second: fc.boolean(),
    out: fc.option(fc.constantFrom('web1', 'web2'), { nil: undefined, freq: 2 }),
    loaded: fc.constantFrom('all', 'least'),
  })
  .map(({ second, out, backends, configuration, loaded, ...rest }) => ({
    ...rest,
    backends,
    configuration,
    // What a fixed text lacks is refused.
    loaded: configuration === 'fixed' ? 'all' : loaded,
    two: names('web', backends),
    second: second ? names('web', backends) : [],
    out: out === undefined || backends === 2 ? [] : [out],
    min: 1,
  }));

const deeds = fc.array(
  fc.oneof(
    fc.record({ does: fc.constant('share' as const), share: fc.integer({ min: 1, max: 99 }) }),
    fc.constant({ does: 'pause' as const }),
    fc.record({
      does: fc.constantFrom('drain' as const, 'enable' as const, 'spare' as const),
      host: fc.constantFrom('web1', 'web2'),
    }),
  ),
  { maxLength: 5 },
);

/** A job of a service: what its records say of it must be readable too. */
const author = { ...person, job: '3b241101-e2bb-4255-8caf-4136c566a962' };

const RUNS = process.env['ORCHESTRATE_TEST_ALL'] ? 4000 : 200;

const canaryOf = (world: World): CanaryWish => ({
  of: rollTo(world).of,
  shares: [10, 50],
  hold: 60_000,
  promote: 'ask',
  warnings: [],
});
const begin = (world: World): Planned => planCanary(world.inventory, viewOf(world), canaryOf(world), author);
const splitNow = (world: World) => newestRecord(viewOf(world))?.split;

/** A host's canary taken out; that of the last one would end it. */
const spared = (world: World, host: string): Planned => {
  const split = splitNow(world);
  const out = new Set([host, ...(split?.without ?? []), ...outOf(newestRecord(viewOf(world))!)]);
  return out.size < world.backends.size
    ? planSpare(world.inventory, viewOf(world), [host], author)
    : planShare(world.inventory, viewOf(world), 20, author);
};

/** Runs a plan, and what every command ends with. */
function run(world: World, planned: Planned): void {
  const plan = planOf(planned);
  assert.equal(interpret(plan, world).ended, 'done', plan.title);
  finish(world);
}

function finish(world: World): void {
  const then = (phases: Plan['phases']): void => {
    assert.equal(interpret({ version: 1, app: 'shop', title: 'the end', phases, notes: [] }, world).ended, 'done');
  };
  then(lingering(world.inventory, viewOf(world), 600_000));
  then(arming(world.inventory, viewOf(world), author));
}

function assertAlone(world: World, release: string): void {
  const record = newestRecord(viewOf(world));
  assert.equal(record?.split, undefined);
  assert.equal(record?.intent ?? null, null);
  for (const name of world.backends.keys()) {
    assert.equal(servingOf(world, name).running, release);
    const idle = idleOf(world, name);
    assert.ok(idle?.running === null || idle?.lingers !== null, `${idle?.running} goes on on ${name}`);
  }
  for (const balancer of world.balancers.keys())
    for (const ports of sends(world, balancer).values()) assert.equal(ports.length, 1);
}

test('whatever is done while a canary lives, it ends with one release alone, and the instant way back where it was promoted', () => {
  let promoted = 0;
  fc.assert(
    fc.property(wishes, deeds, fc.constantFrom('promote', 'abort', 'rollback'), (wish, some, end) => {
      const world = worldOf(wish);
      run(world, begin(world));
      assert.deepEqual([splitNow(world)?.canary, splitNow(world)?.baseline, splitNow(world)?.share], [V2, V1, 10]);
      for (const deed of some) {
        const view = viewOf(world);
        const { inventory } = world;
        const planned =
          deed.does === 'share'
            ? planShare(inventory, view, deed.share, author)
            : deed.does === 'pause'
              ? planShare(inventory, view, 0, author)
              : deed.does === 'drain'
                ? planDrain(inventory, view, [deed.host], 'a new disk', author)
                : deed.does === 'spare'
                  ? spared(world, deed.host)
                  : planEnable(inventory, view, [deed.host], author);
        if (planned.kind === 'planned') run(world, planned);
        assert.equal(splitNow(world)?.canary, V2, 'it lives on');
      }
      const hosts = [...world.backends.keys()];
      if (end === 'promote') {
        promoted += 1;
        run(world, planPromote(world.inventory, viewOf(world), author));
        assertAlone(world, V2);
        for (const name of hosts) assert.equal(idleOf(world, name)?.running, V1, 'what served before lingers');
        assert.deepEqual(newestRecord(viewOf(world))?.served, [V1, V2]);
        return;
      }
      const planned =
        end === 'abort'
          ? planAbort(world.inventory, viewOf(world), author)
          : planRollback(world.inventory, viewOf(world), { hosts, batch: [1] }, author);
      run(world, planned);
      assertAlone(world, V1);
      assert.equal(newestRecord(viewOf(world))?.ended?.how, 'aborted');
    }),
    { numRuns: RUNS },
  );
  assert.ok(promoted > RUNS / 6);
});

test('a canary that died anywhere as it began is ended by an abort', () => {
  fc.assert(
    fc.property(
      wishes,
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (wish, seed, share) => {
        const world = worldOf(wish);
        const plan = planOf(begin(world));
        const { atoms } = interpret(plan, copied(world));
        interpret(plan, world, { cut: Math.floor(share * atoms), seed });
        for (let round = 0; round < 3; round += 1)
          interpret(planOf(planAbort(world.inventory, viewOf(world), author)), world);
        finish(world);
        assertAlone(world, V1);
        assert.deepEqual(planOf(planAbort(world.inventory, viewOf(world), author)).phases, []);
      },
    ),
    { numRuns: RUNS },
  );
});

test('a release that does not start on one host has met no user', () => {
  const world = worldOf({ two: names('web', 4) });
  world.backends.get('web3')!.broken.add(V2);
  const plan = planOf(begin(world));
  assert.equal(interpret(plan, world).ended, 'failed');
  assert.equal(splitNow(world), undefined);
  assert.deepEqual(planOf(planAbort(world.inventory, viewOf(world), author)).phases, []);
  finish(world);
  assertAlone(world, V1);
});

test('while it lives, what needs both slots is refused with the ways out', () => {
  const world = worldOf({ two: names('web', 4) });
  run(world, begin(world));
  const { inventory } = world;
  const view = viewOf(world);
  for (const planned of [
    planRoll(inventory, view, rollTo(world), author),
    begin(world),
    planLingerStop(inventory, view, ['web1']),
    planRollback(inventory, view, { release: V2, hosts: ['web1'], batch: [1] }, author),
  ]) {
    assert.ok(planned.kind === 'refused');
    assert.match(
      planned.message,
      /A canary lives: 20261120-0000-2222222 beside .* for 10 % of the users, begun by bob/,
    );
    assert.match(planned.next, /canary promote.*canary abort/);
  }
  assert.equal(planReturn(inventory, view, undefined, author), undefined);
});

test('a fleet that can not have one is told why', () => {
  const refusedFor = (wish: Wish): string => {
    const planned = begin(worldOf(wish));
    assert.ok(planned.kind === 'refused');
    return `${planned.exit} ${planned.message}`;
  };
  assert.match(refusedFor({ two: ['web1'] }), /^2 A canary runs beside what serves, .* web2, web3 and web4 have one/);
  assert.match(refusedFor({ switch: 'reload', two: names('web', 4) }), /^2 A canary needs nginx.switch: live/);
  assert.match(refusedFor({ two: names('web', 4), second: ['web1'] }), /Some backends serve by their first slot/);
  assert.match(refusedFor({ two: names('web', 4), runs: { web1: V2 } }), /The backends do not run one release/);
  const all = Object.fromEntries(names('web', 4).map((name) => [name, V2]));
  assert.match(refusedFor({ two: names('web', 4), runs: all }), /is what serves already/);
  const world = worldOf({ two: names('web', 4) });
  for (const plan of [
    planShare(world.inventory, viewOf(world), 20, author),
    planPromote(world.inventory, viewOf(world), author),
  ])
    assert.ok(plan.kind === 'refused' && plan.message === 'No canary lives.');
});

test('a share that it has already moves nothing; a larger one leaves steps behind it', () => {
  const world = worldOf({ two: names('web', 4) });
  run(world, begin(world));
  assert.deepEqual(splitNow(world)?.steps, [50]);
  assert.deepEqual(planOf(planShare(world.inventory, viewOf(world), 10, author)).phases, []);
  run(world, planShare(world.inventory, viewOf(world), 50, author));
  assert.deepEqual([splitNow(world)?.share, splitNow(world)?.steps], [50, []]);
});

test('an A/B window keeps its share, is no canary, and is ended by a word, by a rollback, or by the balancers', () => {
  fc.assert(
    fc.property(
      wishes,
      fc.constantFrom('a' as const, 'b' as const, 'ask' as const),
      fc.constantFrom('a', 'b', 'rollback', 'balancers'),
      (wish, next, end) => {
        const world = worldOf(wish);
        const ab = { name: 'checkout', until: '2026-12-24T06:00:00.000Z', next, a: undefined, goals: [] };
        const hosts = [...world.backends.keys()];
        run(world, planCanary(world.inventory, viewOf(world), { ...canaryOf(world), shares: [40], ab }, author));
        assert.deepEqual(
          [splitNow(world)?.name, splitNow(world)?.ab?.next, splitNow(world)?.share],
          ['checkout', next, 40],
        );
        const share = planShare(world.inventory, viewOf(world), 50, author);
        assert.ok(share.kind === 'refused' && /keeps its share/.test(share.message));
        const roll = planRoll(world.inventory, viewOf(world), rollTo(world), author);
        assert.ok(roll.kind === 'refused' && /An A\/B window is open until 2026-12-24/.test(roll.message));
        const drained = planDrain(world.inventory, viewOf(world), ['web1'], 'a new disk', author);
        if (drained.kind === 'planned') run(world, drained);
        if (end === 'balancers') {
          if (next === 'ask') return;
          for (const balancer of world.balancers.values()) balancer.live = Math.max(...balancer.generations.keys());
          assert.equal(splitNow(world), undefined);
          assert.equal(newestRecord(viewOf(world))?.ended?.how, 'ended');
          for (const name of hosts) assert.equal(servingOf(world, name).running, next === 'a' ? V1 : V2);
          // What is left on the backends the next command sees to.
          finish(world);
          assertAlone(world, next === 'a' ? V1 : V2);
          return;
        }
        const { inventory } = world;
        const planned =
          end === 'a'
            ? planAbort(inventory, viewOf(world), author)
            : end === 'b'
              ? planPromote(inventory, viewOf(world), author)
              : planRollback(inventory, viewOf(world), { hosts, batch: [1] }, author);
        run(world, planned);
        assertAlone(world, end === 'b' ? V2 : V1);
      },
    ),
    { numRuns: RUNS },
  );
});

test('side A is what serves, or nothing is opened', () => {
  const world = worldOf({ two: names('web', 4) });
  const ab = { name: 'checkout', until: '2026-12-24T06:00:00.000Z', next: 'a', a: 'f'.repeat(40), goals: [] } as const;
  const planned = planCanary(world.inventory, viewOf(world), { ...canaryOf(world), ab }, author);
  assert.ok(planned.kind === 'refused' && planned.exit === 2 && /Side A is to be fffffff/.test(planned.message));
});

test('where canary.header has changed since, what begins a canary declares it, and the secret is in no plan', () => {
  const secret = 'Kq3-_xN8aa71BvTz0p';
  const { close, open } = sealOf(secret);
  const of = (configuration: 'managed' | 'fixed', stale: boolean) => {
    const world = worldOf({ backends: 2, two: names('web', 2), min: 1, configuration });
    const { canary } = world.inventory;
    const inventory = { ...world.inventory, canary: { ...canary, header: { name: 'X-Canary', secret_file: 's' } } };
    const seen = viewOf(world);
    const balancers = Object.fromEntries(
      Object.entries(seen.balancers).map(([name, one]) => [
        name,
        one.kind === 'seen' && stale ? { ...one, stale: true as const } : one,
      ]),
    );
    const view = { ...seen, balancers, seal: close, configuration: () => `a text with ${secret} in it` };
    return planCanary(inventory, view, canaryOf(world), author);
  };
  assert.equal(JSON.stringify(of('managed', false)).includes('"declare"'), false);
  const plan = planOf(of('managed', true));
  assert.equal(JSON.stringify(plan).includes(secret), false);
  const steps = plan.phases.flatMap(({ tracks }) => tracks.flatMap((track) => track.steps));
  const [writes] = steps.flatMap((step) => (step.kind === 'run' && step.script === 'configuration' ? [step] : []));
  assert.equal(open(writes?.input ?? ''), `a text with ${secret} in it`);
  assert.equal(writes?.calls[0]?.args.at(-1), '640');
  assert.match(
    plan.phases.find(({ name }) => name === 'declare')?.title ?? '',
    /canary\.header as the inventory has it/,
  );
  const refused = of('fixed', true);
  assert.match(
    JSON.stringify(refused),
    /"details":\["canary\.header as the inventory has it"\].*init --print upstream/,
  );
});

test('a host whose canary answers no more keeps its own users, and those of its canary go to the others; without another everybody is back', () => {
  const world = worldOf({ backends: 3, two: names('web', 3), min: 1, configuration: 'fixed' });
  run(world, begin(world));
  const spare = (host: string): Planned => planSpare(world.inventory, viewOf(world), [host], author);
  run(world, spare('web2'));
  assert.deepEqual(splitNow(world)?.without, ['web2']);
  assert.deepEqual(newestRecord(viewOf(world))?.table['canary'], 'canary-second-out-web2');
  assert.equal(newestRecord(viewOf(world))?.backends['web2']?.rotation, 'in');
  run(world, planShare(world.inventory, viewOf(world), 25, author));
  assert.deepEqual(splitNow(world)?.without, ['web2'], 'another share brings it no users');
  run(world, spare('web1'));
  assert.deepEqual(newestRecord(viewOf(world))?.table['canary'], 'canary-second-only-web3');
  run(world, spare('web3'));
  assertAlone(world, V1);
});

test('where that would take a reload, everybody is sent back at once instead', () => {
  const world = worldOf({ backends: 2, two: names('web', 2), min: 1, configuration: 'managed' });
  run(world, begin(world));
  const seen = viewOf(world);
  const balancers = Object.fromEntries(
    Object.entries(seen.balancers).map(([name, one]) => [
      name,
      one.kind === 'seen' ? { ...one, declares: (group: { name: string }) => group.name !== 'second-out-web2' } : one,
    ]),
  );
  const plan = planOf(planSpare(world.inventory, { ...seen, balancers }, ['web2'], author));
  assert.match(plan.title, /^everybody back to /);
  assert.ok(plan.phases.every(({ name }) => name !== 'declare'));
});
