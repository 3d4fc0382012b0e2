import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { Refusal } from '../src/core/failure.ts';
import { TERM } from '../src/core/lease.ts';
import type { Outcome } from '../src/core/outcome.ts';
import { ConnectError, type RemoteCall } from '../src/fleet/ports.ts';
import { hold } from '../src/holding.ts';
import { viewOf, worldOf } from './core/planning/world.ts';
import { fakeClock } from './fleet/fake-clock.ts';
import { exited, fakeRemote, lost } from './fleet/fake-remote.ts';
import { openedWith } from './opened.ts';

const FOLDER = '/var/lib/orchestrate/shop';
const BACKEND = '/srv/www/shop/.orchestrate';
const OTHERS = `boot b\nuptime 100.0\nlease ${JSON.stringify({
  token: 9,
  holder: 'her',
  term: 30,
  boot: 'b',
  until: 120,
  details: { by: 'ada@desk', command: 'roll --ref main', since: '2026-11-23T12:00:00Z' },
})}\n`;

/** Two balancers, two backends; who answers what is told by the test. */
function scene(answer: (call: RemoteCall, action: string) => Outcome | Promise<Outcome> = () => exited()) {
  const world = worldOf({ backends: 2, balancers: 2 });
  const clock = fakeClock();
  const made = openedWith(world.inventory, {
    clock,
    remote: fakeRemote(async (call) => answer(call, call.text === 'lease' ? (call.args[0] ?? '') : call.text)),
  });
  return { world, clock, ...made, take: () => hold(made.opened, viewOf(world), { command: 'roll --ref main' }) };
}

/** `host action`, of leases and fences. */
const told = (calls: readonly string[]): string[] =>
  calls.map((call) =>
    call
      .split(' ')
      .slice(0, call.includes(' lease ') ? 3 : 2)
      .join(' '),
  );

/** A tick of the renewing, and what comes of it. */
async function renew(t: TestContext): Promise<void> {
  t.mock.timers.tick((TERM * 1000) / 6);
  await new Promise((resolve) => setImmediate(resolve));
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('the lease is taken on the balancers in the order of the inventory, then every fence is raised, with a token above all seen', async () => {
  const { take, calls } = scene();
  const held = await take();
  assert.deepEqual(told(calls), [
    'lb1 lease acquire',
    'lb2 lease acquire',
    'lb1 fence',
    'lb2 fence',
    'web1 fence',
    'web2 fence',
  ]);
  assert.equal(held.token, 4);
  assert.match(
    calls[0] ?? '',
    new RegExp(`^lb1 lease acquire ${FOLDER} ${held.holder} 4 30 \\{"by":"bob@laptop","command":"roll --ref main",`),
  );
  assert.deepEqual(calls.slice(2), [
    `lb1 fence ${FOLDER} 4 1 ${held.holder} 150`,
    `lb2 fence ${FOLDER} 4 2 ${held.holder} 150`,
    `web1 fence ${BACKEND} 4 3 ${held.holder} 150`,
    `web2 fence ${BACKEND} 4 4 ${held.holder} 150`,
  ]);
  assert.deepEqual(held.fence(BACKEND), [BACKEND, '4', '5', held.holder]);
  assert.equal(held.lapsed(), undefined);
  await held.release();
  assert.deepEqual(told(calls).slice(-2), ['lb1 lease release', 'lb2 lease release']);
});

test('where another holds it on the second balancer, the first is given up and the refusal says who', async () => {
  const { take, calls } = scene((call, action) =>
    call.host === 'lb2' && action === 'acquire' ? exited(OTHERS, 76) : exited(),
  );
  await assert.rejects(take(), (error) => {
    assert.ok(error instanceof Refusal);
    assert.equal(error.exit, 3);
    assert.match(error.message, /^ada@desk holds the lease on lb2 with `roll --ref main` since .*; it ends in 20 s/);
    return true;
  });
  assert.deepEqual(told(calls), ['lb1 lease acquire', 'lb2 lease acquire', 'lb1 lease release', 'lb2 lease release']);
});

for (const [how, answer, words] of [
  [
    'can not be reached',
    () => Promise.reject(new ConnectError('lb2', 'unreachable', 'no route to lb2', 'Look at its cable.')),
    /lb2: the lease could not be taken: no route/,
  ],
  ['is lost while it is asked', () => lost(), /lb2: the lease could not be taken: lost its ssh connection/],
] as const)
  test(`a balancer that ${how} gives no lease; all are given up, and nothing was fenced`, async () => {
    const { take, calls } = scene((call, action) =>
      call.host === 'lb2' && action === 'acquire' ? answer() : exited(),
    );
    await assert.rejects(take(), (error) => error instanceof Refusal && error.exit === 3 && words.test(error.message));
    assert.deepEqual(told(calls), ['lb1 lease acquire', 'lb2 lease acquire', 'lb1 lease release', 'lb2 lease release']);
  });

test('a backend that can not be fenced refuses the command, and the lease is given up', async () => {
  const { take, calls } = scene(({ host }) =>
    host === 'web2' ? exited('', 76, 'another script holds the lock') : exited(),
  );
  await assert.rejects(
    take(),
    (error) =>
      error instanceof Refusal && error.exit === 3 && error.message.startsWith('web2: the fence could not be raised'),
  );
  assert.deepEqual(told(calls).slice(-2), ['lb1 lease release', 'lb2 lease release']);
});

test('a backend that could not be looked at is not fenced', async () => {
  const { world, take, calls } = scene();
  world.backends.get('web2')!.reachable = false;
  await (await take()).release();
  assert.ok(!told(calls).includes('web2 fence'));
});

test('it is renewed on all balancers, and lapses when that fails for half the term; a later success mends it', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let reached = true;
  const { take, clock, calls } = scene((call, action) => {
    if (action === 'renew' && call.host === 'lb2' && !reached)
      throw new ConnectError('lb2', 'unreachable', 'no route', '');
    return exited();
  });
  const held = await take();
  await clock.advance(10_000);
  await renew(t);
  assert.deepEqual(told(calls).slice(-2), ['lb1 lease renew', 'lb2 lease renew']);
  reached = false;
  await clock.advance((TERM * 1000) / 2);
  await renew(t);
  assert.equal(held.lapsed(), undefined);
  await clock.advance(1);
  assert.equal(held.lapsed(), 'the lease could not be renewed for 15 s');
  reached = true;
  await renew(t);
  assert.equal(held.lapsed(), undefined);
  await held.release();
});

test('an answer that comes late does not make the lease older than a later one made it', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const answers: (() => void)[] = [];
  const { take, clock } = scene((_, action) =>
    action === 'renew' ? new Promise((resolve) => answers.push(() => resolve(exited()))) : exited(),
  );
  const held = await take();
  await renew(t);
  await clock.advance(14_000);
  await renew(t);
  assert.equal(answers.length, 4);
  for (const at of [2, 3, 0, 1]) {
    answers[at]?.();
    await settle();
  }
  await clock.advance(14_000);
  assert.equal(held.lapsed(), undefined);
  await held.release();
});

test('once another operator has taken it, nothing more may be begun', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const { take } = scene((call, action) => (action === 'renew' && call.host === 'lb2' ? exited('', 75) : exited()));
  const held = await take();
  await renew(t);
  assert.equal(held.lapsed(), 'another operator has taken the lease on lb2');
  await held.release();
});

test('a barrier raises every fence again, and tells who did not answer', async () => {
  let cut = false;
  const { take, calls } = scene(({ host }) => {
    if (!cut) return exited();
    if (host === 'web1') throw new ConnectError('web1', 'unreachable', 'no route to web1', '');
    return host === 'lb2' ? exited('', 76, 'another script holds the lock') : exited();
  });
  const held = await take();
  cut = true;
  const from = calls.length;
  assert.deepEqual(
    [...(await held.barrier())],
    [
      ['lb2', 'another script holds the lock'],
      ['web1', 'no route to web1'],
    ],
  );
  assert.deepEqual(told(calls).slice(from), ['lb1 fence', 'lb2 fence', 'web1 fence', 'web2 fence']);
  await held.release();
});
