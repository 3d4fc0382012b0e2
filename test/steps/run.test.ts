import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failed } from '../../src/core/failure.ts';
import type { RunStep } from '../../src/core/plan.ts';
import { sealOf } from '../../src/core/sealed.ts';
import { runStep } from '../../src/steps/run.ts';
import { fakeClock } from '../fleet/fake-clock.ts';
import { exited, fakeRemote } from '../fleet/fake-remote.ts';
import { contextOf } from './context.ts';

const step = (more: Partial<RunStep> = {}): RunStep => ({
  kind: 'run',
  say: 'do it',
  script: 'do-it',
  calls: ['lb1', 'lb2'].map((host) => ({ host, args: ['a', 'b c'] })),
  deadline: 1000,
  ...more,
});

test('a script that only reads gets its own arguments, a changing one the fence in front, one sequence a call', async () => {
  const { context, calls } = contextOf();
  await runStep(step(), context);
  await runStep(step({ fence: '/folder' }), context);
  assert.deepEqual(calls, [
    'lb1 do-it a b c',
    'lb2 do-it a b c',
    'lb1 do-it /folder 4 1 me a b c',
    'lb2 do-it /folder 4 2 me a b c',
  ]);
});

test('a time that a plan could not know is said once and is the same for all hosts and later steps', async () => {
  const remote = fakeRemote(() => exited());
  const clock = fakeClock();
  const { context } = contextOf({ remote, clock });
  await runStep(step({ input: '"at":"@time:8","since":"@time:8"' }), context);
  await clock.advance(60_000);
  await runStep(step({ input: '@time:8 @time:9' }), context);
  const inputs = remote.calls.map(({ input }) => input);
  assert.equal(inputs[0], '"at":"2026-11-23T00:00:00.000Z","since":"2026-11-23T00:00:00.000Z"');
  assert.equal(inputs[1], inputs[0]);
  assert.equal(inputs[2], '2026-11-23T00:00:00.000Z 2026-11-23T00:01:00.000Z');
});

test('a secret that a plan does not tell goes to the host, and to nobody else', async () => {
  const remote = fakeRemote(() => exited());
  const { context, events } = contextOf({ remote });
  const { open } = sealOf('Kq3-_xN8aa71BvTz0p');
  await runStep(step({ input: 'a @secret:canary.header b' }), { ...context, unseal: open });
  assert.equal(remote.calls[0]?.input, 'a Kq3-_xN8aa71BvTz0p b');
  assert.equal(JSON.stringify([events, remote.calls.map(({ args }) => args)]).includes('Kq3'), false);
});

test('the first host that failed is told, with its own words, once all have ended', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let ended = false;
  const remote = fakeRemote(async ({ host }) => {
    if (host === 'lb1') return exited('', 77, 'generation 000009 serves');
    await promise;
    ended = true;
    return exited();
  });
  const { context } = contextOf({ remote });
  const running = runStep(step(), context);
  setImmediate(resolve);
  await assert.rejects(running, (error) => {
    assert.ok(error instanceof Failed);
    assert.deepEqual(
      [error.failure.host, error.failure.doing, error.failure.what],
      ['lb1', 'do it', 'generation 000009 serves'],
    );
    return true;
  });
  assert.ok(ended);
});

test('what it sets is set though it fails, and its reloads are counted', async () => {
  const { context } = contextOf({ remote: fakeRemote(() => exited('', 1)) });
  await assert.rejects(runStep(step({ sets: 'migrated', reloads: 2 }), context));
  assert.equal(context.values.get('migrated'), true);
  assert.equal(context.counts.reloads, 2);
});

test('its note is the one last line that all hosts printed, if a person can read it', async () => {
  const noteOf = async (...printed: string[]): Promise<string | undefined> => {
    const { context } = contextOf({ remote: fakeRemote(({ host }) => exited(printed[host === 'lb1' ? 0 : 1])) });
    return runStep(step(), context);
  };
  assert.equal(await noteOf('x\nlive 000008\n', 'live 000008'), 'live 000008');
  assert.equal(await noteOf('live 8', 'live 9'), undefined);
  assert.equal(await noteOf('{"a":1}', '{"a":1}'), undefined);
  assert.equal(await noteOf('', ''), undefined);
});

test('a judgement that can not read what was printed fails the step', async () => {
  const { context } = contextOf({ remote: fakeRemote(() => exited('nonsense')) });
  const judge = { kind: 'migrations', allow: 'additive', named: [] } as const;
  await assert.rejects(runStep(step({ judge }), context), Failed);
});

test('what hosts print on standard error is told without its control characters', async () => {
  const { context, events } = contextOf({ remote: fakeRemote(() => exited('', 0, '\u001b[31mred\u0007')) });
  await runStep(step(), context);
  assert.deepEqual(events, [
    { type: 'output', host: 'lb1', line: 'red' },
    { type: 'output', host: 'lb2', line: 'red' },
  ]);
});
