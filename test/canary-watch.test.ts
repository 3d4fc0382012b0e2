import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Watch } from '../src/canary-watch.ts';
import { newestRecord } from '../src/core/fleet.ts';
import { planCanary } from '../src/core/planning/canary.ts';
import { interpret } from './core/planning/interpreter.ts';
import { author, names, planOf, rollTo, viewOf, worldOf, type World } from './core/planning/world.ts';
import { answered, fakeProbe, noAnswer } from './fleet/fake-probe.ts';
import { openedWith } from './opened.ts';

const REFUSED = noAnswer('it refused the connection: nothing listens there');

/** A canary that lives on so many hosts; `wrong` says what is answered instead of 200. */
function watchOf(
  wish: Parameters<typeof worldOf>[0],
  wrong: (way: string, address: string, port: number) => ReturnType<typeof noAnswer> | undefined,
): {
  readonly watch: Watch;
  readonly world: World;
  readonly port: (host: string, arm: 'canary' | 'baseline') => number;
} {
  const world = worldOf({ min: 1, ...wish });
  const wishOf = { of: rollTo(world).of, shares: [10] as const, hold: 60_000, promote: 'ask' as const, warnings: [] };
  assert.equal(interpret(planOf(planCanary(world.inventory, viewOf(world), wishOf, author)), world).ended, 'done');
  const view = viewOf(world);
  const split = newestRecord(view)?.split;
  assert.ok(split !== undefined);
  const probe = fakeProbe(
    ({ through = '', address, port }) => wrong(through, address, port) ?? answered(world.inventory.health.status),
  );
  const { opened } = openedWith(world.inventory, { probe });
  const port = (host: string, arm: 'canary' | 'baseline'): number => {
    const [first = 0, second = first] = world.inventory.backends.find(({ name }) => name === host)?.slots ?? [];
    return (arm === 'canary') === (split.side === 'second') ? second : first;
  };
  return { watch: new Watch(opened, view, split), world, port };
}

const addressOf = (world: World, host: string): string =>
  world.inventory.backends.find(({ name }) => name === host)?.address ?? '';

const TWO = { backends: 3, balancers: 2, two: names('web', 3) };

test('a canary that refuses the connection is out at once, one that answers wrongly at the second time, by whichever balancer', async () => {
  const dead = watchOf(TWO, (_, address, port) =>
    address === addressOf(dead.world, 'web2') && port === dead.port('web2', 'canary') ? REFUSED : undefined,
  );
  const found = await dead.watch.unwell();
  assert.deepEqual([found?.hosts, found?.all], [['web2'], false]);
  assert.match(found?.says ?? '', /on web2 \(.*\), asked from lb[12]: .* refused the connection/);
  const ill = watchOf(TWO, (way, address, port) =>
    way === 'lb2' && address === addressOf(ill.world, 'web2') && port === ill.port('web2', 'canary')
      ? noAnswer('no answer within 2 s')
      : undefined,
  );
  assert.equal(await ill.watch.unwell(), undefined);
  assert.match((await ill.watch.unwell())?.says ?? '', /asked from lb2: no answer within 2 s, twice$/);
});

test('what comes and goes takes nothing out', async () => {
  let time = 0;
  const { watch } = watchOf(TWO, (_way, _address, port) => {
    time += 1;
    return port % 2 === 1 && time % 20 < 2 ? noAnswer('no answer within 2 s') : undefined;
  });
  // oxlint-disable-next-line no-await-in-loop -- one look after the other
  for (let look = 0; look < 5; look += 1) assert.equal(await watch.unwell(), undefined);
});

test('a release that answers nowhere while the other does is found bad as a whole', async () => {
  const { watch, port } = watchOf(TWO, (_way, _address, asked) =>
    asked === port('web1', 'canary') ? REFUSED : undefined,
  );
  const found = await watch.unwell();
  assert.deepEqual([found?.hosts, found?.all], [['web1', 'web2', 'web3'], true]);
});

test('what takes everybody, or the way of one balancer, is no fault of the canary', async () => {
  const all = watchOf(TWO, () => noAnswer('no answer within 2 s'));
  const way = watchOf(TWO, (through) => (through === 'lb2' ? REFUSED : undefined));
  for (let look = 0; look < 4; look += 1) {
    // oxlint-disable no-await-in-loop -- one look after the other
    assert.equal(await all.watch.unwell(), undefined);
    assert.equal(await way.watch.unwell(), undefined);
    // oxlint-enable no-await-in-loop
  }
});

test('a host with one slot that serves the canary is found the same way', async () => {
  const { watch, world } = watchOf({ backends: 4, balancers: 1 }, (_, address) =>
    (newestRecord(viewOf(world))?.split?.hosts ?? []).some((host) => addressOf(world, host) === address)
      ? REFUSED
      : undefined,
  );
  const found = await watch.unwell();
  assert.equal(found?.all, true);
});
