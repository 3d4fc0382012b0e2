import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Plan, Step } from '../../../src/core/plan.ts';
import { planBack, type Way } from '../../../src/core/planning/back.ts';
import { planRoll } from '../../../src/core/planning/roll.ts';
import { interpret, sends } from './interpreter.ts';
import {
  author,
  copied,
  planOf,
  rollTo,
  servingOf,
  viewOf,
  worldOf,
  V0,
  V1,
  V2,
  type Wish,
  type World,
} from './world.ts';

const hosts = (world: World): string[] => [...world.backends.keys()];
const back = (world: World, more: Partial<Way> = {}): Plan =>
  planOf(planBack(world.inventory, viewOf(world), { release: V1, failed: V2, hosts: hosts(world), ...more }, author));
const titles = ({ phases }: Plan): string[] => phases.map(({ title }) => title);
const kinds = ({ phases }: Plan): Set<Step['kind']> =>
  new Set(phases.flatMap(({ tracks }) => tracks.flatMap(({ steps }) => steps.map(({ kind }) => kind))));

/** A roll that was cut as soon as the host had left rotation. */
function inHand(wish: Wish, host: string): World {
  const start = worldOf(wish);
  const plan = planOf(planRoll(start.inventory, viewOf(start), rollTo(start), author));
  for (let cut = 1; cut < 500; cut += 1) {
    const world = copied(start);
    interpret(plan, world, { cut });
    const serving = sends(world, 'lb1');
    if (serving.size > 0 && !serving.has(host)) return world;
  }
  throw new Error(`${host} never leaves`);
}

describe('going back', () => {
  test('begins with what is in hand, and takes the others that were switched', () => {
    const world = inHand({ backends: 3 }, 'web2');
    assert.deepEqual(titles(back(world)), [
      'web2 out of rotation',
      `batch 1 of 2: web2 to ${V1}`,
      'web2 back in, web1 out of rotation',
      `batch 2 of 2: web1 to ${V1}`,
      'web1 back in rotation',
    ]);
  });

  test('neither bakes nor pauses nor judges', () => {
    const world = inHand({ backends: 4, bake: true, pause: true }, 'web3');
    const plan = back(world);
    assert.ok(!kinds(plan).has('watch') && !titles(plan).some((title) => /bake|pause/.test(title)));
    assert.ok(!kinds(back(inHand({ backends: 4 }, 'web3'))).has('watch'));
  });

  test('is nothing where nothing was changed', () => {
    assert.deepEqual(back(worldOf({})).phases, []);
  });

  test('takes no more out at once than min_in_rotation leaves, though the inventory’s batches are larger', () => {
    // Rolled with --batch 1: two out of four at once would be one too many while web4 is out.
    const world = worldOf({ backends: 4, batch: [2], out: ['web4'], runs: { web1: V2, web2: V2, web3: V2 } });
    const plan = back(world);
    assert.deepEqual(
      plan.phases.flatMap(({ name, batch }) => (name === 'batch' ? [batch?.hosts.length] : [])),
      [1, 1, 1],
    );
    interpret(plan, world);
  });

  test('leaves alone what a person took out and the failed plan never came to', () => {
    const world = inHand({ backends: 4, out: ['web4'], runs: { web4: V0 } }, 'web1');
    servingOf(world, 'web4').running = null;
    assert.ok(!JSON.stringify(back(world).phases.filter(({ name }) => name === 'batch')).includes('web4'));
  });

  test('leaves alone what is not of the command', () => {
    const world = worldOf({ backends: 4, runs: { web1: V2, web4: V2 } });
    assert.deepEqual(
      titles(back(world, { hosts: ['web1', 'web2'] })).filter((title) => title.startsWith('batch')),
      [`batch 1 of 1: web1 to ${V1}`],
    );
  });

  test('goes without those that have not got the release, and says so', () => {
    const world = inHand({ backends: 4 }, 'web2');
    world.backends.get('web1')!.releases = [V2];
    const plan = back(world);
    assert.deepEqual(plan.notes, [`web1 can't be put back: ${V1} is not complete there`]);
    assert.equal(plan.title, `web2 back to ${V1}`);
    assert.equal(interpret(plan, world).ended, 'done');
  });

  test('goes without those that did not come back, and lets them out', () => {
    const world = inHand({ backends: 4 }, 'web2');
    const plan = back(world, { givenUp: new Set(['web2']) });
    assert.equal(interpret(plan, world).ended, 'done');
    assert.deepEqual([...sends(world, 'lb1').keys()], ['web1', 'web3', 'web4']);
  });

  test('touches nothing while a balancer is away: it may still send anywhere', () => {
    const world = inHand({ backends: 3, balancers: 2 }, 'web2');
    world.balancers.get('lb2')!.reachable = false;
    const planned = planBack(world.inventory, viewOf(world), { release: V1, failed: V2, hosts: hosts(world) }, author);
    assert.equal(planned.kind, 'refused');
  });

  test('first puts a text back that was never loaded, and does nothing else: what is loaded then is seen by the next look', () => {
    const world = inHand({ backends: 3 }, 'web2');
    const lb1 = world.balancers.get('lb1')!;
    lb1.former = lb1.file;
    lb1.file = '{"backends":[],"groups":{}}';
    assert.deepEqual(titles(back(world)), ['the configuration as it was']);
    interpret(back(world), world);
    assert.equal(lb1.file, lb1.loaded);
    assert.match(titles(back(world))[0] ?? '', /out of rotation/);
  });

  test('is impossible where no release ran before, and says so', () => {
    const world = inHand({ backends: 2, min: 1, fresh: true }, 'web1');
    const planned = planBack(
      world.inventory,
      viewOf(world),
      { release: null, failed: V2, hosts: hosts(world) },
      author,
    );
    assert.match(planned.kind === 'refused' ? planned.message : '', /No release ran on this fleet before/);
  });
});

describe('a backend that is lost', () => {
  test('is taken out first where enough are left', () => {
    const world = inHand({ backends: 4 }, 'web1');
    world.backends.get('web3')!.reachable = false;
    const plan = back(world);
    assert.equal(titles(plan)[0], 'web3 out of rotation');
    interpret(plan, world);
    assert.deepEqual([...sends(world, 'lb1').keys()], ['web1', 'web2', 'web4']);
  });

  test('does not keep from coming back what is in hand, where no group is declared that has both out', () => {
    const world = inHand({ backends: 5, batch: [2], min: 1, configuration: 'fixed' }, 'web1');
    world.backends.get('web3')!.reachable = false;
    interpret(back(world), world);
    assert.deepEqual([...sends(world, 'lb1').keys()], ['web1', 'web2', 'web4', 'web5']);
  });

  test('is taken out where that has to be declared first, and what comes after it too', () => {
    const world = worldOf({ backends: 5, min: 1, out: ['web4'], loaded: 'none', runs: { web1: V2 } });
    world.backends.get('web3')!.reachable = false;
    const plan = back(world);
    assert.equal(plan.phases.filter(({ name }) => name === 'declare').length, 2);
    assert.equal(interpret(plan, world).ended, 'done');
  });

  test('is taken out only once the other is back, where it is the last', () => {
    const world = inHand({ backends: 2, min: 1 }, 'web1');
    world.backends.get('web2')!.reachable = false;
    const plan = back(world);
    assert.deepEqual(
      titles(plan).filter((title) => title.includes('rotation')),
      ['web1 out of rotation', 'web1 back in rotation', 'web2 out of rotation'],
    );
    interpret(plan, world);
    assert.deepEqual([...sends(world, 'lb1').keys()], ['web1']);
  });

  test('does not let the last one be drained that serves: it keeps what it runs, and that is said', () => {
    const world = inHand({ backends: 2, min: 1 }, 'web2');
    world.backends.get('web2')!.reachable = false;
    const plan = back(world);
    assert.deepEqual(plan.phases, []);
    assert.deepEqual(plan.notes, ["web1 can't be put back: too few would be left in rotation"]);
  });
});
