import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failed } from '../../src/core/failure.ts';
import type { WatchStep } from '../../src/core/plan.ts';
import { watchStep } from '../../src/steps/watch.ts';
import { fakeClock } from '../fleet/fake-clock.ts';
import { exited, fakeRemote } from '../fleet/fake-remote.ts';
import { contextOf } from './context.ts';

const START = Date.UTC(2026, 10, 23) / 1000;
const NEW = '10.2.0.10:8000';
const OLD = '10.2.0.11:8000';

const step = (lasts: number): WatchStep => ({
  kind: 'watch',
  say: 'compare',
  lasts,
  script: 'bake-counts',
  calls: [{ host: 'lb1', args: ['/log'] }],
  fresh: [{ address: NEW, since: 9 }],
  old: [OLD],
  deadline: lasts + 1000,
});

/** Each look shows a slice in which the new release has had so many errors of 100 requests, the old one none; the first look only marks the place. */
function scene(errors: number, stop?: AbortSignal) {
  const clock = fakeClock({ auto: true });
  let looks = 0;
  const remote = fakeRemote(({ args }) => {
    looks += 1;
    const epoch = START + Math.floor(clock.ticks() / 5000) * 5 - 5;
    const slices = args[1] === '-' ? '' : `slice ${epoch} ${NEW} 100 ${errors}\nslice ${epoch} ${OLD} 100 0\n`;
    return exited(`${slices}at ${looks * 1000} 77\nstrange 0\n`);
  });
  const times = new Map([['9', new Date(START * 1000).toISOString()]]);
  return { ...contextOf({ remote, clock, times, ...(stop === undefined ? {} : { stop }) }), remote, clock };
}

test('it looks every five seconds, from where the last look ended, until its time is over', async () => {
  const { context, remote, clock } = scene(0);
  await watchStep(step(20_000), context);
  assert.equal(clock.ticks(), 20_000);
  assert.deepEqual(
    remote.calls.map(({ args }) => args.join(' ')),
    ['/log - - whole', '/log 1000 77 whole', '/log 2000 77 whole', '/log 3000 77 whole', '/log 4000 77 whole'],
  );
});

test('a release that errs more ends the roll, with the evidence told', async () => {
  const { context, clock } = scene(40);
  await assert.rejects(
    watchStep(step(60_000), context),
    (error) => error instanceof Failed && /more requests with errors/.test(error.message),
  );
  assert.ok(clock.ticks() < 60_000);
});

test('what is seen in the first ten seconds after a backend came back is left out: caches are cold', async () => {
  const { context } = scene(40);
  await watchStep(step(10_000), context);
});

test('the evidence goes on through the steps of a roll', async () => {
  const { context } = scene(1);
  await watchStep(step(15_000), context);
  const before = context.bake.evidence;
  await watchStep(step(5000), context);
  assert.notDeepEqual(context.bake.evidence, before);
});

test('it ends when a person asks to stop', async () => {
  const stop = new AbortController();
  stop.abort();
  const { context, clock } = scene(0, stop.signal);
  await watchStep(step(60_000), context);
  assert.equal(clock.ticks(), 0);
});

test('a log that can not be read, or makes no sense, fails it', async () => {
  for (const outcome of [exited('', 78, 'cannot read /log'), exited('nonsense')]) {
    const { context } = contextOf({ remote: fakeRemote(() => outcome) });
    await assert.rejects(watchStep(step(0), context), Failed);
  }
});
