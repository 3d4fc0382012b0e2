import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Plan, RunStep, Step } from '../../../src/core/plan.ts';
import { hostsOf } from '../../../src/core/plan.ts';
import { planRoll } from '../../../src/core/planning/roll.ts';
import type { Refused } from '../../../src/core/planning/refusal.ts';
import { sentences } from '../../../src/core/sentences.ts';
import { interpret, sends } from './interpreter.ts';
import { author, names, planOf, recordOf, rollTo, viewOf, worldOf, V1, V2, type Wish, type World } from './world.ts';

const plan = (world: World, more = {}): Plan =>
  planOf(planRoll(world.inventory, viewOf(world), rollTo(world, more), author));

function refusal(world: World, more = {}): Refused {
  const planned = planRoll(world.inventory, viewOf(world), rollTo(world, more), author);
  assert.equal(planned.kind, 'refused');
  return planned;
}

/** What moves traffic and what waits, in order. */
const titles = (of: Plan): string[] =>
  of.phases
    .filter(({ name }) => ['declare', 'flip', 'batch', 'bake', 'pause'].includes(name))
    .map(({ title }) => title);

const steps = (of: Plan): Step[] => of.phases.flatMap(({ tracks }) => tracks.flatMap((track) => track.steps));
const runs = (of: Plan, script: string): RunStep[] =>
  steps(of).filter((step): step is RunStep => step.kind === 'run' && step.script === script);
const flips = (of: Plan): number => of.phases.filter(({ name }) => name === 'flip').length;

/** A world in which a roll died after so many atoms. */
function died(wish: Wish, cut: number): World {
  const world = worldOf(wish);
  interpret(plan(world), world, { cut });
  return world;
}

/** Cut so that a host is out and in hand. */
function inHand(wish: Wish, host: string): World {
  for (let cut = 1; cut < 500; cut += 1) {
    const world = died(wish, cut);
    if (!sends(world, 'lb1').has(host)) return world;
  }
  throw new Error(`${host} never leaves`);
}

describe('a roll', () => {
  test('lets one batch in and takes the next one out by one flip', () => {
    assert.deepEqual(titles(plan(worldOf({ backends: 3 }))), [
      'web1 out of rotation',
      `batch 1 of 3: web1 to ${V2}`,
      'web1 back in, web2 out of rotation',
      `batch 2 of 3: web2 to ${V2}`,
      'web2 back in, web3 out of rotation',
      `batch 3 of 3: web3 to ${V2}`,
      'web3 back in rotation',
    ]);
  });

  test('that goes on does not rehearse again what serves already, and asks for migrations all the same', () => {
    const rehearsed = (of: Plan): number => runs(of, 'rehearse').filter(({ when }) => when?.is !== true).length;
    assert.equal(rehearsed(plan(worldOf({ backends: 3 }))), 1);
    assert.equal(rehearsed(plan(inHand({ backends: 3 }, 'web1'))), 1, 'nobody has met it yet');
    assert.equal(rehearsed(plan(worldOf({ backends: 3, runs: { web1: V2 } }))), 1, 'no roll brought it there');
    const half = plan(inHand({ backends: 3 }, 'web2'));
    assert.equal(rehearsed(half), 0);
    assert.equal(runs(half, 'migrations').length, 1);
  });

  test('has all in between two batches where it bakes or pauses, and does neither after the last', () => {
    assert.deepEqual(titles(plan(worldOf({ backends: 2, bake: true, pause: true }))), [
      'web1 out of rotation',
      `batch 1 of 2: web1 to ${V2}`,
      'web1 back in rotation',
      'bake: web1 against the others',
      'pause between two batches',
      'web2 out of rotation',
      `batch 2 of 2: web2 to ${V2}`,
      'web2 back in rotation',
    ]);
  });

  test('stages everything before the first host leaves rotation', () => {
    const order = plan(worldOf({})).phases.map(({ name }) => name);
    assert.deepEqual(
      order.slice(order.indexOf('flip')).filter((name) => name !== 'flip' && name !== 'batch'),
      [],
    );
    assert.ok(order.indexOf('build') < order.indexOf('ship'));
    assert.ok(order.indexOf('rehearse') < order.indexOf('migrate'));
  });

  test('of hosts that have the release already builds and ships nothing', () => {
    const world = worldOf({});
    for (const backend of world.backends.values()) backend.releases.push(V2);
    const found = plan(world).phases.map(({ name }) => name);
    assert.ok(!found.includes('build') && !found.includes('ship'));
  });

  test('touches no host beside those of --hosts and the builder', () => {
    const world = worldOf({});
    const some = plan(world, { hosts: ['web3'] });
    assert.deepEqual(hostsOf(some).toSorted(), ['lb1', 'web1', 'web3']);
    assert.deepEqual(
      runs(some, 'switch').map(({ calls }) => calls[0]?.host),
      ['web3'],
    );
  });

  test('is refused where a balancer can not be looked at, or one of its hosts; another host does not matter and stays in', () => {
    const world = worldOf({ balancers: 2 });
    world.backends.get('web4')!.reachable = false;
    assert.deepEqual(refusal(world).details, ['web4: no route']);
    const some = plan(world, { hosts: ['web2', 'web3'] });
    assert.ok(some.phases.every(({ rotation }) => rotation?.in.includes('web4') !== false));
    world.balancers.get('lb2')!.reachable = false;
    assert.equal(refusal(world, { hosts: ['web2'] }).exit, 3);
  });

  test('is refused where too few would be left, with a smaller batch as the way out', () => {
    const { exit, message, next } = refusal(worldOf({ backends: 4, batch: [3] }));
    assert.equal(exit, 2);
    assert.match(message, /^Taking web1, web2 and web3 out would leave 1 of 4 .* asks for 2\.$/);
    assert.match(next, /--batch/);
    assert.match(refusal(worldOf({ backends: 2, min: 1, out: ['web1'] })).message, /would leave 0 of 2/);
    assert.match(refusal(worldOf({ backends: 1 })).next, /add a second/);
  });

  test('updates a host that a person took out without a flip of its own, and says that it stays out', () => {
    const found = plan(worldOf({ backends: 3, min: 1, out: ['web2'] }));
    assert.match(found.notes.join('\n'), /web2 is out of rotation and will be updated all the same, and stay out/);
    assert.ok(!titles(found).some((title) => /web2 (out|back)/.test(title)));
    assert.equal(flips(found), 3);
  });

  test('that has nothing to do is an empty plan, and says so', () => {
    const world = worldOf({ runs: Object.fromEntries(names('web', 4).map((name) => [name, V2])) });
    assert.match(
      sentences(plan(world)).join('\n'),
      /^20261120-0000-2222222 runs on web1, web2, web3 and web4: nothing to do$/,
    );
  });

  test('compares only with those that run another release', () => {
    const watched = steps(plan(worldOf({ backends: 4, runs: { web1: V2 } }))).filter((step) => step.kind === 'watch');
    assert.deepEqual(watched[0]?.old, ['10.2.0.13:8000']);
    assert.deepEqual(
      watched[0]?.fresh.map(({ address }) => address),
      ['10.2.0.11:8000'],
    );
  });

  test('goes back to what the others in rotation run, not to what stands aside', () => {
    assert.equal(
      plan(worldOf({ backends: 2, min: 1, out: ['web1'], runs: { web1: null, web2: V1 } }), { hosts: ['web1'] }).from,
      V1,
    );
    const aside = worldOf({ backends: 3, out: ['web3'], runs: { web1: V2, web2: V2 } });
    assert.equal(plan(aside).from, V2);
  });
});

describe('a roll that goes on with one that died', () => {
  test('begins with what that had in hand, and keeps since when it is out', () => {
    const world = inHand({ backends: 3 }, 'web2');
    const { since } = [...world.balancers.values()][0]!.generations.get([...world.balancers.values()][0]!.live!)!.record
      .backends['web2']!;
    const next = plan(world);
    assert.match(titles(next)[1] ?? '', /^batch 1 of 2: web2/);
    const [first] = runs(next, 'move');
    assert.equal(recordOf(first?.input ?? '').backends['web2']?.since, since);
  });

  test('keeps to the groups that are declared, where nobody may declare more', () => {
    const wish: Wish = { backends: 9, batch: [1, 4], configuration: 'fixed', min: 1 };
    const world = inHand(wish, 'web3');
    const batches = plan(world).phases.flatMap(({ name, batch }) => (name === 'batch' ? [batch?.hosts.join()] : []));
    assert.deepEqual(batches, ['web2,web3,web4,web5', 'web6,web7,web8,web9']);
  });

  test('does not guess where sizes are given by hand: what is not declared is refused, with the file as the way out', () => {
    const { message, next, details } = refusal(worldOf({ backends: 9, configuration: 'fixed', min: 1 }), {
      batch: [3],
    });
    assert.match(message, /nginx.configuration is `fixed`: nothing was changed/);
    assert.match(next, /init --print upstream/);
    assert.equal(details.length, 3);
  });

  test('keeps in its record how long what served before is to run on, for whoever goes on with it', () => {
    const wish: Wish = { backends: 2, two: ['web1', 'web2'] };
    const world = worldOf(wish);
    const found = plan(world, { linger: 4000 });
    assert.equal(found.intent?.linger, 4000);
    assert.equal(recordOf(runs(found, 'move')[0]?.input ?? '').intent?.linger, 4000);
    assert.equal('linger' in (plan(world).intent ?? {}), false);
  });

  test('has one flip where only its last word is missing', () => {
    const world = worldOf({
      backends: 2,
      runs: { web1: V2, web2: V2 },
      intent: {
        kind: 'roll',
        from: V1,
        to: V2,
        hosts: [],
        batch: [],
        by: 'ada',
        command: 'roll',
        at: '2026-11-01T00:00:00.000Z',
      },
    });
    const found = plan(world);
    assert.deepEqual(titles(found), ['nothing is left of what was begun']);
    assert.equal(recordOf(runs(found, 'move')[0]?.input ?? '').intent, null);
  });

  test('makes balancers equal that a flip left one apart, though nothing else is to do', () => {
    const world = worldOf({ backends: 2, balancers: 2, runs: { web1: V2, web2: V2 } });
    const lb1 = world.balancers.get('lb1')!;
    const { record, lane } = lb1.generations.get(7)!;
    const next = { lane, record: { ...record, generation: 8 } };
    for (const { generations } of world.balancers.values()) generations.set(8, next);
    lb1.live = 8;
    const found = plan(world);
    assert.deepEqual(titles(found), ['the balancers made equal again']);
    assert.deepEqual(
      runs(found, 'flip')[0]?.calls.map(({ args }) => args.join(' ')),
      ['000008 000009', '000007 000009'],
    );
    interpret(found, world);
  });

  test('opens the connections again that a reload had closed', () => {
    const world = worldOf({ backends: 2, runs: { web1: V2, web2: V2 } });
    const lb1 = world.balancers.get('lb1')!;
    const { record } = lb1.generations.get(7)!;
    lb1.generations.set(7, { lane: 'closing-all', record: { ...record, table: { stable: 'closing-all' } } });
    assert.deepEqual(titles(plan(world)), ['connections are kept open again']);
  });
});

describe('groups that Nginx has not loaded', () => {
  test('are declared at once for the whole roll, by one quiesced reload, and no record says before its flip who is out', () => {
    const found = plan(worldOf({ backends: 4, balancers: 2, loaded: 'least' }));
    const [declare, ...others] = found.phases.filter(({ name }) => name === 'declare');
    assert.equal(others.length, 0);
    assert.deepEqual(
      declare?.tracks[0]?.steps.map((step) => (step.kind === 'run' ? step.script : step.kind)),
      [
        'configuration',
        'prepare',
        'flip',
        'probe',
        'quiesce',
        'reload',
        'configuration',
        'prepare',
        'flip',
        'probe',
        'old-workers',
      ],
    );
    for (const step of declare?.tracks[0]?.steps ?? [])
      if (step.kind === 'run' && step.script === 'prepare')
        assert.equal(recordOf(step.input ?? '').backends['web1']?.rotation, 'in');
  });

  test('where nothing serves yet are loaded without waiting for anybody', () => {
    const found = plan(worldOf({ fresh: true }));
    assert.equal(runs(found, 'quiesce').length, 0);
    assert.equal(runs(found, 'reload').length, 1);
  });

  test('quiesce the balancer that serves, though another has just been added', () => {
    const world = worldOf({ backends: 2, balancers: 2, min: 1 });
    Object.assign(world.balancers.get('lb2')!, { live: null, file: null, loaded: null, generations: new Map() });
    const found = plan(world);
    assert.deepEqual(
      runs(found, 'quiesce')[0]?.calls.map(({ host }) => host),
      ['lb1'],
    );
    assert.equal(interpret(found, world).ended, 'done');
  });

  test('let no request go to a host that was drained and then struck from the inventory, not even while it closes connections', () => {
    const before = worldOf({ backends: 4, min: 1, out: ['web4'] });
    const { inventory, backends } = worldOf({ backends: 3, min: 1 });
    const world = { inventory, backends, balancers: before.balancers };
    const lanes = runs(plan(world), 'move').map(({ calls }) => calls[0]?.args[2]);
    assert.deepEqual(lanes.slice(0, 3), ['stable=closing-out-web4', 'stable=all', 'stable=out-web1']);
  });

  test('of a large fleet come in portions, each with the group that serves', () => {
    const world = worldOf({ backends: 150, out: ['web7'], loaded: 'least' });
    const found = plan(world);
    assert.equal(runs(found, 'reload').length, 2);
    assert.equal(interpret(found, world).ended, 'done');
  });

  test('of a large fleet that rests between batches too', () => {
    const world = worldOf({ backends: 150, out: ['web7'], loaded: 'least', pause: true });
    assert.equal(interpret(plan(world), world).ended, 'done');
  });
});
