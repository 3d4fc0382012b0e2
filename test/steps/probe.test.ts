import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failed, type Failure } from '../../src/core/failure.ts';
import type { ProbeStep } from '../../src/core/plan.ts';
import type { ProbeAnswer, ProbeRequest } from '../../src/fleet/ports.ts';
import { probeStep } from '../../src/steps/probe.ts';
import { fakeClock } from '../fleet/fake-clock.ts';
import { answered, fakeProbe, noAnswer } from '../fleet/fake-probe.ts';
import { exited, fakeRemote, lost } from '../fleet/fake-remote.ts';
import { contextOf } from './context.ts';

const step = (more: Partial<ProbeStep> = {}): ProbeStep => ({
  kind: 'probe',
  say: 'ask web1',
  host: 'web1',
  through: ['lb1', 'lb2'],
  address: '10.2.0.10',
  port: 8000,
  path: '/healthz',
  hostHeader: 'shop.example.com',
  headers: { 'X-Forwarded-Proto': 'https' },
  status: 200,
  consecutive: 2,
  parallel: 1,
  interval: 500,
  timeout: 2000,
  deadline: 10_000,
  ...more,
});

const LOG = { script: 'application-log', call: { host: 'web1', args: ['file'] } };

/** Asks with the answers in order for each place; the last one repeats. */
function scene(
  answers: readonly ProbeAnswer[],
  more: Partial<ProbeStep> = {},
  log = () => exited('a line\nthe last line\n'),
) {
  const at = new Map<string, number>();
  const probe = fakeProbe(({ through = 'here' }) => {
    const number = at.get(through) ?? 0;
    at.set(through, number + 1);
    return answers[Math.min(number, answers.length - 1)]!;
  });
  const clock = fakeClock({ auto: true });
  const made = contextOf({ probe, clock, remote: fakeRemote(({ text }) => (text === 'reach' ? exited() : log())) });
  return { ...made, probe, clock, run: () => probeStep(step(more), made.context) };
}

async function failureOf(running: Promise<unknown>): Promise<Failure> {
  const error: unknown = await running.then(
    () => assert.fail('it did not fail'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Failed, String(error));
  return error.failure;
}

test('each place asks until it has had so many wanted answers in a row', async () => {
  const { run, probe } = scene([answered(200), answered(503), answered(200), answered(200)]);
  await run();
  assert.equal(probe.asked.length, 8);
  const { through, ...asked } = probe.asked[0]!;
  assert.equal(through, 'lb1');
  assert.deepEqual(asked, {
    address: '10.2.0.10',
    port: 8000,
    path: '/healthz',
    host: 'shop.example.com',
    headers: { 'X-Forwarded-Proto': 'https' },
    timeout: 2000,
  } satisfies Omit<ProbeRequest, 'through'>);
});

test('a port that refuses is looked at again soon, one that answers wrongly after the interval', async () => {
  const refusing = scene([noAnswer(), noAnswer(), answered()], { through: ['lb1'], consecutive: 1 });
  await refusing.run();
  assert.equal(refusing.clock.ticks(), 100);
  const wrong = scene([answered(503), answered(503), answered()], { through: ['lb1'], consecutive: 1 });
  await wrong.run();
  assert.equal(wrong.clock.ticks(), 1000);
});

test('without a place it is asked from here, and parallel requests go out at once', async () => {
  const { run, probe } = scene([answered()], { through: [], consecutive: 1, parallel: 4 });
  await run();
  assert.equal(probe.asked.length, 4);
  assert.ok(probe.asked.every((request) => !('through' in request)));
});

test('at the deadline it tells from where, the address, the status, the start of the body and the end of the log', async () => {
  const { run, clock, calls } = scene([answered(503, 'database is\naway')], {
    log: { script: 'application-log', call: { host: 'web1', args: ['file'] } },
  });
  const failure = await failureOf(run());
  assert.equal(failure.host, 'web1');
  assert.equal(failure.doing, 'ask web1');
  assert.match(
    failure.what,
    /^asked from lb1, http:\/\/10\.2\.0\.10:8000\/healthz \(Host: shop\.example\.com\) answered 503; wanted 200/,
  );
  assert.deepEqual(failure.output, [
    'the answer began:',
    'database is',
    'away',
    "the end of the application's log:",
    'a line',
    'the last line',
  ]);
  assert.ok(clock.ticks() <= 20_000);
  assert.ok(calls.includes('web1 application-log file'));
});

test('a redirect is no health, and what to do about it is said', async () => {
  const redirect: ProbeAnswer = {
    kind: 'answered',
    status: 301,
    location: 'https://shop.example.com/healthz',
    body: '',
    took: 1,
  };
  const failure = await failureOf(scene([redirect], { log: LOG }).run());
  assert.match(failure.what, /answered 301 to https:\/\/shop\.example\.com\/healthz; wanted 200/);
  assert.match(failure.next, /X-Forwarded-Proto: https/);
});

test('a 400 is told to be the Host header that Django does not allow', async () => {
  assert.match((await failureOf(scene([answered(400)], { log: LOG }).run())).next, /ALLOWED_HOSTS/);
});

test('no answer, and a log that can not be read, leave the reason', async () => {
  const failure = await failureOf(
    scene(
      [noAnswer('connection refused')],
      { log: { script: 'application-log', call: { host: 'web1', args: [] } } },
      () => lost(),
    ).run(),
  );
  assert.match(failure.what, /did not answer: connection refused/);
  assert.deepEqual(failure.output, []);
});

test('what the body must hold is looked for, and its lack is told', async () => {
  await scene([answered(200, '/generations/000008/self')], { body: '/generations/000008/self' }).run();
  const failure = await failureOf(
    scene([answered(200, '/generations/000007/self')], { body: '/generations/000008/self' }).run(),
  );
  assert.match(failure.what, /not holding \/generations\/000008\/self/);
});

test('to warm up, any answer will do, and none is not enough', async () => {
  await scene([answered(500)], { status: 'any', consecutive: 1 }).run();
  await failureOf(scene([noAnswer()], { status: 'any', consecutive: 1 }).run());
});

test('where one place never has what is wanted, the others have ended before it is told', async () => {
  let asked = 0;
  const probe = fakeProbe(async ({ through }) => {
    if (through === 'lb1') return answered(503);
    asked += 1;
    return answered();
  });
  const { context } = contextOf({ probe });
  assert.match((await failureOf(probeStep(step(), context))).what, /asked from lb1/);
  assert.equal(asked, 2);
});
