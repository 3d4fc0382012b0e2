import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Phase, Plan, RunStep, Step, Track } from '../src/core/plan.ts';
import { ConnectError } from '../src/fleet/ports.ts';
import { eachHost, runPlan, type Brakes } from '../src/roll.ts';
import { contextOf } from './steps/context.ts';
import { fakeClock } from './fleet/fake-clock.ts';
import { exited, fakeRemote } from './fleet/fake-remote.ts';

const run = (script: string, ...hosts: string[]): RunStep => ({
  kind: 'run',
  say: script,
  script,
  calls: hosts.map((host) => ({ host, args: [] })),
  deadline: 1000,
});
const track = (host: string, ...steps: Step[]): Track => ({ host, steps });
const phase = (name: Phase['name'], ...tracks: Track[]): Phase => ({ name, title: name, tracks });
const plan = (...phases: Phase[]): Plan => ({ version: 1, app: 'shop', title: 'a plan', phases, notes: [] });
const free: Brakes = { phase: () => undefined, step: () => undefined };

/** A promise that the test ends. */
function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('phases come one after the other, the steps of a track too', async () => {
  const { context, calls } = contextOf();
  const ended = await runPlan(
    plan(
      phase('build', track('web1', run('one', 'web1'), run('two', 'web1'))),
      phase('ship', track('web2', run('three', 'web2'))),
    ),
    context,
    5,
    free,
  );
  assert.deepEqual(ended, { kind: 'done' });
  assert.deepEqual(calls, ['web1 one', 'web1 two', 'web2 three']);
});

test('tracks run side by side, and no phase begins before all tracks of the one before have ended', async () => {
  const slow = gate();
  const remote = fakeRemote(async (call) => {
    if (call.host === 'web1') await slow.passed;
    return exited();
  });
  const { context, calls } = contextOf({ remote });
  const running = runPlan(
    plan(
      phase('batch', track('web1', run('a', 'web1')), track('web2', run('a', 'web2'), run('b', 'web2'))),
      phase('flip', track('lb1', run('c', 'lb1'))),
    ),
    context,
    5,
    free,
  );
  await settle();
  assert.deepEqual(calls, ['web1 a', 'web2 a', 'web2 b']);
  slow.open();
  assert.deepEqual(await running, { kind: 'done' });
  assert.equal(calls.at(-1), 'lb1 c');
});

test('a step that fails ends its track alone; the phase fails once the others have ended, and nothing follows', async () => {
  const remote = fakeRemote(({ host, text }) => exited('', host === 'web1' && text === 'a' ? 1 : 0, 'no room'));
  const { context, calls, events } = contextOf({ remote });
  const ended = await runPlan(
    plan(
      phase(
        'batch',
        track('web1', run('a', 'web1'), run('b', 'web1')),
        track('web2', run('a', 'web2'), run('b', 'web2')),
      ),
      phase('flip', track('lb1', run('c', 'lb1'))),
    ),
    context,
    5,
    free,
  );
  assert.equal(ended.kind, 'failed');
  assert.deepEqual(ended.kind === 'failed' && ended.failures.map(({ host, doing, what }) => ({ host, doing, what })), [
    { host: 'web1', doing: 'a', what: 'no room' },
  ]);
  assert.deepEqual(calls, ['web1 a', 'web2 a', 'web2 b']);
  assert.ok(!events.some((event) => event.type === 'phase' && event.name === 'flip'));
});

test('the rotation is told only of a phase that was done', async () => {
  const remote = fakeRemote(({ text }) => exited('', text === 'bad' ? 1 : 0));
  const { context, events } = contextOf({ remote });
  const flip = (script: string): Phase => ({
    ...phase('flip', track('lb1', run(script, 'lb1'))),
    rotation: { in: ['web1'], out: ['web2'] },
  });
  await runPlan(plan(flip('good'), flip('bad')), context, 5, free);
  assert.equal(events.filter(({ type }) => type === 'rotation').length, 1);
});

test('tracks that wait for their turn are not begun once one has failed', async () => {
  const remote = fakeRemote(() => exited('', 1));
  const { context, calls } = contextOf({ remote });
  const hosts = ['web1', 'web2', 'web3', 'web4'];
  const ended = await runPlan(
    plan(phase('batch', ...hosts.map((host) => track(host, run('a', host))))),
    context,
    2,
    free,
  );
  assert.deepEqual(calls, ['web1 a', 'web2 a']);
  assert.equal(ended.kind === 'failed' && ended.failures.length, 2);
});

test('a brake before a phase stops the plan; a brake before a step fails the track', async () => {
  const { context, calls } = contextOf();
  const two = plan(
    phase('build', track('web1', run('a', 'web1'), run('b', 'web1'))),
    phase('ship', track('web1', run('c', 'web1'))),
  );
  const once = { ...free, phase: () => (calls.length > 0 ? 'you asked to stop' : undefined) };
  assert.deepEqual(await runPlan(two, context, 5, once), { kind: 'stopped', reason: 'you asked to stop' });
  assert.deepEqual(calls, ['web1 a', 'web1 b']);
  const lapsed = await runPlan(two, context, 5, {
    ...free,
    step: () => (calls.length > 2 ? 'the lease is gone' : undefined),
  });
  assert.equal(lapsed.kind === 'failed' && lapsed.failures[0]?.what, 'the lease is gone');
  assert.deepEqual(calls, ['web1 a', 'web1 b', 'web1 a']);
});

test('a step with a condition is skipped where the value is another, and absent is false', async () => {
  const { context, calls, events } = contextOf({ values: new Map([['migrations pending', true]]) });
  const when = (value: string, is: boolean): Step => ({ ...run(`${value} ${is}`, 'web1'), when: { value, is } });
  await runPlan(
    plan(
      phase(
        'migrate',
        track('web1', when('migrations pending', true), when('migrations pending', false), when('other', false)),
      ),
    ),
    context,
    5,
    free,
  );
  assert.deepEqual(calls, ['web1 migrations pending true', 'web1 other false']);
  assert.deepEqual(
    events.flatMap((event) => (event.type === 'step' ? [event.state] : [])),
    ['started', 'done', 'skipped', 'started', 'done'],
  );
});

test('of steps together all end before a failure is told', async () => {
  const slow = gate();
  let ended = false;
  const remote = fakeRemote(async ({ host }) => {
    if (host === 'web1') return exited('', 1);
    await slow.passed;
    ended = true;
    return exited();
  });
  const { context } = contextOf({ remote });
  const together: Step = { kind: 'together', say: 'both', deadline: 1000, steps: [run('a', 'web1'), run('b', 'lb1')] };
  const running = runPlan(plan(phase('batch', track('web1', together))), context, 5, free);
  let told = false;
  void running.then(() => (told = true));
  await settle();
  assert.equal(told, false);
  slow.open();
  assert.equal((await running).kind, 'failed');
  assert.equal(ended, true);
});

test('a host that can not be reached fails its track with the remedy, once the other hosts of the step have ended', async () => {
  const slow = gate();
  let ended = false;
  const remote = fakeRemote(async ({ host }) => {
    if (host === 'lb1') throw new ConnectError('lb1', 'unreachable', 'no route to lb1', 'Look at its cable.');
    await slow.passed;
    ended = true;
    return exited();
  });
  const { context } = contextOf({ remote });
  const running = runPlan(plan(phase('flip', track('balancers', run('flip', 'lb1', 'lb2')))), context, 5, free);
  await settle();
  slow.open();
  const result = await running;
  assert.ok(ended);
  assert.deepEqual(result.kind === 'failed' && result.failures, [
    {
      host: 'lb1',
      doing: 'flip',
      what: 'no route to lb1; tried again for 30 s',
      output: [],
      next: 'Look at its cable.',
    },
  ]);
});

test('a fault of our own is a failure too, told once all tracks have ended', async () => {
  const slow = gate();
  let ended = false;
  const remote = fakeRemote(async ({ host }) => {
    if (host === 'web1') throw new TypeError('undefined is not a function');
    await slow.passed;
    ended = true;
    return exited();
  });
  const { context } = contextOf({ remote });
  const running = runPlan(
    plan(phase('batch', track('web1', run('a', 'web1')), track('web2', run('b', 'web2')))),
    context,
    5,
    free,
  );
  await settle();
  slow.open();
  const result = await running;
  assert.ok(ended);
  assert.match(
    result.kind === 'failed' ? (result.failures[0]?.what ?? '') : '',
    /fault of orchestrate.*web1: a: undefined is not/,
  );
});

test('a rest ends when a person asks to stop; another pause does not', async () => {
  const stop = new AbortController();
  const clock = fakeClock();
  const { context } = contextOf({ clock, stop: stop.signal });
  const pause = (rest: boolean): Step => ({
    kind: 'pause',
    say: 'pause',
    lasts: 60_000,
    deadline: 1,
    ...(rest ? { rest: true } : {}),
  });
  const resting = runPlan(plan(phase('pause', track('lb1', pause(true)))), context, 5, free);
  await settle();
  stop.abort();
  assert.deepEqual(await resting, { kind: 'done' });
  const pausing = runPlan(plan(phase('batch', track('web1', pause(false)))), context, 5, free);
  await settle();
  assert.equal(clock.sleepers, 1);
  await clock.advance(60_000);
  assert.deepEqual(await pausing, { kind: 'done' });
});

test('so many at once and no more; the first error comes when all have ended', async () => {
  let now = 0;
  let most = 0;
  const ended: number[] = [];
  const work = eachHost([1, 2, 3, 4, 5, 6], 2, async (item) => {
    now += 1;
    most = Math.max(most, now);
    await settle();
    now -= 1;
    ended.push(item);
    if (item === 2) throw new Error('two');
    return item;
  });
  await assert.rejects(work, /two/);
  assert.equal(most, 2);
  assert.deepEqual(
    ended.toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5, 6],
  );
  assert.deepEqual(await eachHost([3, 1, 2], 2, (item) => Promise.resolve(item * 2)), [6, 2, 4]);
});
