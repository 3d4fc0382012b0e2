import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Plan } from '../../../src/core/plan.ts';
import { planRoll } from '../../../src/core/planning/roll.ts';
import { planRollback } from '../../../src/core/planning/rollback.ts';
import { planDrain, planEnable } from '../../../src/core/planning/rotation.ts';
import type { Intent } from '../../../src/core/record.ts';
import { interpret, sends } from './interpreter.ts';
import { author, planOf, recordOf, rollTo, viewOf, worldOf, V0, V1, V2, type World } from './world.ts';

const drain = (world: World, ...hosts: string[]) =>
  planDrain(world.inventory, viewOf(world), hosts, 'a new disk', author);
const enable = (world: World, ...hosts: string[]) => planEnable(world.inventory, viewOf(world), hosts, author);
const titles = ({ phases }: Plan): string[] => phases.map(({ title }) => title);
const records = (plan: Plan) =>
  plan.phases.flatMap(({ tracks }) =>
    tracks.flatMap(({ steps }) =>
      steps.flatMap((step) => (step.kind === 'run' && step.script === 'move' ? [recordOf(step.input ?? '')] : [])),
    ),
  );
const begun: Intent = {
  kind: 'roll',
  from: V1,
  to: V2,
  hosts: [],
  batch: [],
  by: 'ada',
  command: 'roll',
  at: '2026-11-01T00:00:00.000Z',
};

describe('drain', () => {
  test('takes hosts out, says why and by whom, and proves them empty', () => {
    const world = worldOf({ balancers: 1 });
    const plan = planOf(drain(world, 'web1', 'web2'));
    assert.deepEqual(titles(plan), [
      'web1 and web2 out of rotation: a new disk',
      'wait until no request is left on web1 and web2',
    ]);
    const { since: _, ...web1 } = records(plan)[0]!.backends['web1']!;
    assert.deepEqual(web1, { rotation: 'out', reason: 'a new disk', by: 'bob@laptop', release: V1 });
    interpret(plan, world);
    assert.deepEqual([...sends(world, 'lb1').keys()], ['web3', 'web4']);
  });

  test('of what is out already proves it empty again, with no flip', () => {
    assert.deepEqual(titles(planOf(drain(worldOf({ out: ['web1'] }), 'web1'))), [
      'wait until no request is left on web1',
    ]);
  });

  test('of what is out on one balancer only makes them equal first', () => {
    const world = worldOf({ balancers: 2 });
    const cut = 3;
    interpret(planOf(drain(world, 'web1')), world, { cut });
    assert.deepEqual([sends(world, 'lb1').has('web1'), sends(world, 'lb2').has('web1')], [false, true]);
    assert.equal(titles(planOf(drain(world, 'web1')))[0], 'the balancers made equal again');
  });

  test('that reached one balancer only is ended before a roll switches the host', () => {
    const world = worldOf({ balancers: 2 });
    interpret(planOf(drain(world, 'web1')), world, { cut: 3 });
    const plan = planOf(planRoll(world.inventory, viewOf(world), rollTo(world, { hosts: ['web1'] }), author));
    assert.equal(interpret(plan, world).ended, 'done');
  });

  test('of a host that can not be reached takes it out, and can prove nothing', () => {
    const world = worldOf({});
    world.backends.get('web1')!.reachable = false;
    assert.deepEqual(titles(planOf(drain(world, 'web1'))), ['web1 out of rotation: a new disk']);
  });

  test('is refused where too few would be left', () => {
    const planned = drain(worldOf({ out: ['web1', 'web2'] }), 'web3');
    assert.equal(planned.kind === 'refused' && planned.exit, 2);
  });

  test('takes out of a roll’s hand what that had in hand, so that the next roll leaves it out', () => {
    const world = worldOf({ out: ['web1'] });
    const record = world.balancers.get('lb1')!.generations.get(7)!.record;
    record.backends['web1']!.reason = `being switched to ${V2}`;
    assert.equal(records(planOf(drain(world, 'web1')))[0]?.backends['web1']?.reason, 'a new disk');
  });

  test('does not end what somebody else began', () => {
    assert.deepEqual(records(planOf(drain(worldOf({ intent: begun }), 'web1')))[0]?.intent, begun);
  });
});

describe('enable', () => {
  test('puts hosts back once each is healthy from every balancer', () => {
    const world = worldOf({ balancers: 2, out: ['web1'] });
    const plan = planOf(enable(world, 'web1'));
    assert.deepEqual(titles(plan), ['see that web1 is healthy', 'web1 back in rotation']);
    assert.equal(interpret(plan, world).ended, 'done');
    assert.ok(sends(world, 'lb2').has('web1'));
  });

  test('that died between its reload and its record is ended before a roll switches the host', () => {
    const world = worldOf({ out: ['web1'], switch: 'reload' });
    const cut = 6;
    interpret(planOf(enable(world, 'web1')), world, { cut });
    const { live, generations } = world.balancers.get('lb1')!;
    assert.equal(generations.get(live!)?.record.backends['web1']?.rotation, 'out');
    assert.ok(sends(world, 'lb1').has('web1'), 'Nginx sends to what the record has out');
    const plan = planOf(planRoll(world.inventory, viewOf(world), rollTo(world, { hosts: ['web1'] }), author));
    assert.equal(interpret(plan, world).ended, 'done');
  });

  test('of what is in already is nothing to do', () => {
    assert.deepEqual(planOf(enable(worldOf({}), 'web1', 'web2')).phases, []);
  });

  test('is refused for a host that runs another release than those that serve, however many stand aside', () => {
    const world = worldOf({ out: ['web1', 'web2'], runs: { web3: V2, web4: V2 } });
    const planned = enable(world, 'web1', 'web2');
    assert.match(planned.kind === 'refused' ? planned.message : '', new RegExp(`^web1 and web2 do not run ${V2}`));
    assert.match(planned.kind === 'refused' ? planned.next : '', /orchestrate roll/);
  });

  test('is refused for a host that can not be looked at', () => {
    const world = worldOf({ out: ['web1'] });
    world.backends.get('web1')!.reachable = false;
    assert.equal(enable(world, 'web1').kind, 'refused');
  });
});

describe('rollback', () => {
  const to = (world: World, more = {}) =>
    planRollback(world.inventory, viewOf(world), { hosts: [...world.backends.keys()], batch: [1], ...more }, author);

  test('goes to the newest release before the present one that every host has', () => {
    const world = worldOf({});
    assert.equal(planOf(to(world)).to, V0);
    world.backends.get('web3')!.releases = [V1];
    assert.match((to(world) as { message: string }).message, /^No release before/);
  });

  test('passes over a release that was staged everywhere and never served', () => {
    const world = worldOf({});
    const wish = rollTo(world);
    interpret(planOf(planRoll(world.inventory, viewOf(world), wish, author)), world);
    const failed = '20261115-0000-3333333';
    for (const backend of world.backends.values()) backend.releases = [...backend.releases, failed].toSorted();
    assert.ok(V1 < failed && failed < V2);
    assert.equal(planOf(to(world)).to, V1);
    assert.equal(planOf(to(world, { release: failed })).to, failed, 'a person may still name it');
  });

  test('of one host goes by what that host runs', () => {
    const world = worldOf({ runs: { web1: V2 } });
    assert.equal(planOf(to(world, { hosts: ['web1'] })).to, V1);
  });

  test('of a mixed fleet goes to the older of the two', () => {
    assert.equal(planOf(to(worldOf({ runs: { web1: V2 } }))).to, V1);
    assert.equal(planOf(to(worldOf({ runs: { web1: V2, web2: V2, web3: V2 } }))).to, V1);
  });

  test('of a roll that was not finished goes where that came from, though no host was switched yet', () => {
    assert.equal(planOf(to(worldOf({ intent: begun }))).to, V1);
  });

  test('of a rollback that was not finished goes on with it', () => {
    assert.equal(
      planOf(to(worldOf({ runs: { web1: V0 }, intent: { ...begun, kind: 'rollback', from: V1, to: V0 } }))).to,
      V0,
    );
  });

  test('to a release that a host lacks is refused, naming the host and what all have', () => {
    const planned = to(worldOf({ runs: { web1: V2 } }), { release: V2 });
    assert.match(planned.kind === 'refused' ? planned.message : '', /is not complete on web2, web3 and web4/);
    assert.match(planned.kind === 'refused' ? planned.next : '', new RegExp(`${V0}, ${V1}`));
  });

  test('that has nothing to do says so of the hosts', () => {
    const plan = planOf(to(worldOf({}), { release: V1 }));
    assert.deepEqual(plan.phases, []);
    assert.match(plan.title, /on web1, web2, web3 and web4$/);
  });
});
