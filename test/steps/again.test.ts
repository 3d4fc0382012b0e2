import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import type { Readable } from 'node:stream';
import { Failed, type Failure } from '../../src/core/failure.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { RunStep } from '../../src/core/plan.ts';
import { ConnectError, type RemoteCall } from '../../src/fleet/ports.ts';
import { putStep } from '../../src/steps/put.ts';
import { runStep } from '../../src/steps/run.ts';
import { brokenHere, exited, fakeRemote, lost } from '../fleet/fake-remote.ts';
import { contextOf } from './context.ts';

const step = (more: Partial<RunStep> = {}): RunStep => ({
  kind: 'run',
  say: 'switch it',
  script: 'switch',
  calls: ['web1', 'web2'].map((host) => ({ host, args: ['v2'] })),
  deadline: 1000,
  fence: '/f',
  ...more,
});

const away = (host: string): ConnectError =>
  new ConnectError(host, 'unreachable', `no route to ${host}`, 'Look at it.');

/** Answers of web2, script by script, in order; the last one repeats. Everything else ends well. */
function scene(answers: Record<string, (() => Outcome)[]>, more: Parameters<typeof contextOf>[0] = {}) {
  const at = new Map<string, number>();
  const remote = fakeRemote((call) => {
    const list = call.host === 'web2' ? answers[call.text] : undefined;
    if (list === undefined) return exited();
    const number = at.get(call.text) ?? 0;
    at.set(call.text, number + 1);
    return list[Math.min(number, list.length - 1)]!();
  });
  const made = contextOf({ remote, ...more });
  const notes = (): string[] => made.events.flatMap((event) => (event.type === 'note' ? [event.text] : []));
  return { ...made, remote, notes };
}

async function failureOf(running: Promise<unknown>): Promise<Failure> {
  const error: unknown = await running.then(
    () => assert.fail('it did not fail'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Failed, String(error));
  return error.failure;
}

test('a changing script whose link was lost is met again on that host alone, after a barrier', async () => {
  const { context, calls, notes } = scene({ switch: [lost, exited] });
  await runStep(step(), context);
  assert.deepEqual(calls, [
    'web1 switch /f 4 1 me v2',
    'web2 switch /f 4 2 me v2',
    'web2 fence /f 4 3 me 150',
    'web2 switch /f 4 4 me v2',
  ]);
  assert.deepEqual(notes(), [
    'web2: the link was lost in the middle of “switch it” (the connection was closed): connecting again',
    'web2: connected again after 0.0 s, what was in hand there has ended: looking again',
  ]);
});

test('what only reads needs no barrier, a connection will do', async () => {
  const { fence: _, ...reading } = step({ script: 'drained' });
  const { context, calls } = scene({ drained: [lost, exited], reach: [() => lost(), exited] });
  await runStep(reading, context);
  assert.deepEqual(calls.slice(2), ['web2 reach', 'web2 reach', 'web2 drained v2']);
});

test('a connection is tried for 30 s, with pauses, and the failure says what is unknown and what to type', async () => {
  const { context, calls } = scene({
    switch: [lost],
    fence: [
      () => {
        throw away('web2');
      },
    ],
  });
  const failure = await failureOf(runStep(step(), context));
  assert.match(
    failure.what,
    /^the link was lost \(the connection was closed\), and no other could be made within 30 s: no route to web2; what that has done there is not known, and it may still be at work$/,
  );
  assert.equal(
    failure.next,
    'Look at it. `orchestrate status` tells what is so there; then run the same command again.',
  );
  assert.ok(context.clock.ticks() > 20_000 && context.clock.ticks() <= 30_000, String(context.clock.ticks()));
  assert.ok(calls.filter((call) => call.includes('fence')).length > 6);
  assert.equal(calls.filter((call) => call.startsWith('web2 switch')).length, 1, 'nothing is repeated blindly');
});

test('where what was in hand does not end, the step fails with that, and is not met again', async () => {
  const busy = (): Outcome => exited('', 76, 'another script holds /f/lock for more than 150 s');
  const { context, calls } = scene({ switch: [lost], fence: [busy] });
  const failure = await failureOf(runStep(step(), context));
  assert.match(failure.what, /connected again, but what was in hand there was not seen to end: another script holds/);
  assert.equal(calls.filter((call) => call.startsWith('web2')).length, 2);
});

test('it is met again twice, not more', async () => {
  const { context, calls } = scene({ switch: [lost] });
  const failure = await failureOf(runStep(step(), context));
  assert.match(failure.what, /lost its ssh connection/);
  assert.deepEqual(
    calls.filter((call) => call.startsWith('web2')).map((call) => call.split(' ')[1]),
    ['switch', 'fence', 'switch', 'fence', 'switch'],
  );
});

test('a key that has changed is not tried again, nor what was cut from here', async () => {
  const changed = scene({
    switch: [
      () => {
        throw new ConnectError('web2', 'host key', 'another key', 'Find out which.');
      },
    ],
  });
  await assert.rejects(runStep(step(), changed.context), ConnectError);
  const cut = scene({ switch: [() => brokenHere('it printed more than 32 MiB')] });
  await failureOf(runStep(step(), cut.context));
  for (const { calls } of [changed, cut]) assert.equal(calls.filter((call) => call.startsWith('web2')).length, 1);
});

test('nothing is begun again once the lease has lapsed; one that is renewed in a moment is waited for', async () => {
  let lapsed: string | undefined = 'the lease could not be renewed for 16 s';
  const gone = scene({ switch: [lost, exited] }, { lapsed: () => lapsed });
  const failure = await failureOf(runStep(step(), gone.context));
  assert.equal(failure.what, lapsed);
  assert.equal(gone.calls.filter((call) => call.startsWith('web2 switch')).length, 1);
  let asked = 0;
  const back = scene({ switch: [lost, exited] }, { lapsed: () => ((asked += 1) > 3 ? undefined : lapsed) });
  await runStep(step(), back.context);
  lapsed = undefined;
});

test('that a barrier waits is told', async () => {
  const waits = (): Outcome => exited('', 0, 'another script has /f/lock: waiting for its end, 150 s at the most');
  const { context, notes } = scene({ switch: [lost, exited], fence: [waits] });
  await runStep(step(), context);
  assert.equal(notes()[1], 'web2: another script has /f/lock: waiting for its end, 150 s at the most');
});

for (const whose of ['a receiver', 'the sender'] as const)
  test(`a stream whose link to ${whose} was lost is sent anew to whom has not got it`, { timeout: 5000 }, async () => {
    const got: string[] = [];
    let cut = false;
    const fake = fakeRemote(() => exited());
    const remote = {
      ...fake,
      run: async (call: RemoteCall): Promise<Outcome> => {
        if (call.text === 'pack') {
          if (whose === 'the sender' && !cut) {
            cut = true;
            call.output?.destroy(new Error('ended badly'));
            return lost();
          }
          call.output?.end('packed');
          return exited();
        }
        if (call.text !== 'unpack') return exited();
        if (whose === 'a receiver' && call.host === 'web2' && !cut) {
          cut = true;
          return lost();
        }
        try {
          got.push(`${call.host} ${await text(call.input as Readable)}`);
          return exited();
        } catch {
          return brokenHere('its input broke off');
        }
      },
    };
    const { context, calls } = contextOf({ remote });
    const from = { kind: 'host', host: 'web1', script: 'pack', args: [] } as const;
    const put = { kind: 'put', say: 'ship it', script: 'unpack', fence: '/f', from, deadline: 1000 } as const;
    const to = ['web2', 'web3'].map((host) => ({ host, args: [] }));
    assert.equal(await putStep({ ...put, calls: to }, context), '6 B to each of 2 hosts');
    assert.deepEqual(got.toSorted(), ['web2 packed', 'web3 packed']);
    assert.ok(calls.some((call) => call.startsWith('web2 fence /f 4')));
    assert.equal(calls.includes('web1 reach'), whose === 'the sender');
  });
