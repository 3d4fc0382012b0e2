import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { Failed, type Failure } from '../../src/core/failure.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { PutStep } from '../../src/core/plan.ts';
import { ConnectError, type Remote, type RemoteCall } from '../../src/fleet/ports.ts';
import { putStep } from '../../src/steps/put.ts';
import { brokenHere, exited, fakeRemote, lost } from '../fleet/fake-remote.ts';
import { contextOf } from './context.ts';

const step = (from: PutStep['from'], ...hosts: string[]): PutStep => ({
  kind: 'put',
  say: 'ship it',
  script: 'unpack',
  fence: '/folder',
  calls: hosts.map((host) => ({ host, args: ['x'] })),
  from,
  deadline: 1000,
});
const COMMIT = { kind: 'source', commit: 'c0ffee' } as const;
const BUILDER = { kind: 'host', host: 'web1', script: 'pack', args: ['y'] } as const;

const input = (call: RemoteCall): Promise<string> => text(call.input as Readable);

/** As the ssh door does it: what a command that did not end well printed is broken off. */
function remoteOf(answer: (call: RemoteCall) => Promise<Outcome>): Remote {
  const remote = fakeRemote(() => exited());
  return {
    ...remote,
    run: async (call) => {
      const outcome = await answer(call);
      if (call.output !== undefined && !call.output.writableEnded) {
        if (outcome.kind === 'exited' && outcome.code === 0) call.output.end(outcome.stdout);
        else call.output.destroy(new Error('ended badly'));
      }
      return outcome;
    },
  };
}

async function failureOf(running: Promise<unknown>): Promise<Failure> {
  const error: unknown = await running.then(
    () => assert.fail('it did not fail'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Failed, String(error));
  return error.failure;
}

test('the commit goes to all hosts at once, from one stream, under the fence', async () => {
  const got: string[] = [];
  const remote = fakeRemote(async (call) => {
    got.push(`${call.host} ${await input(call)}`);
    return exited();
  });
  const { context, calls } = contextOf({ remote });
  assert.equal(await putStep(step(COMMIT, 'web1', 'web2'), context), '10 B to each of 2 hosts');
  assert.deepEqual(got.toSorted(), ['web1 the commit', 'web2 the commit']);
  assert.deepEqual(calls.toSorted(), ['web1 unpack /folder 4 1 me x', 'web2 unpack /folder 4 2 me x']);
});

test('what one host packs goes to the others as it comes', async () => {
  const remote = remoteOf(async (call) => {
    if (call.text === 'pack') return exited('packed');
    assert.equal(await input(call), 'packed');
    return exited();
  });
  assert.equal(await putStep(step(BUILDER, 'web2'), contextOf({ remote }).context), '6 B to it');
});

test('a host that does not take it fails the step, and the others have all of it', async () => {
  const big = 'x'.repeat(1_000_000);
  const got: number[] = [];
  const remote = remoteOf(async (call) => {
    if (call.host === 'web2') return exited('', 1, 'no room');
    got.push((await input(call)).length);
    return exited();
  });
  const { context } = contextOf({ remote, archive: () => Promise.resolve(Readable.from([big])) });
  const failure = await failureOf(putStep(step(COMMIT, 'web1', 'web2', 'web3'), context));
  assert.deepEqual([failure.host, failure.what], ['web2', 'no room']);
  assert.deepEqual(got, [1_000_000, 1_000_000]);
});

test('a host that can not be reached holds up nobody', { timeout: 5000 }, async () => {
  const got: number[] = [];
  const remote = remoteOf(async (call) => {
    if (call.host === 'web2') throw new ConnectError('web2', 'unreachable', 'no route to web2', 'Look at its cable.');
    got.push((await input(call)).length);
    return exited();
  });
  const { context } = contextOf({ remote, archive: () => Promise.resolve(Readable.from(['x'.repeat(1_000_000)])) });
  const failure = await failureOf(putStep(step(COMMIT, 'web1', 'web2'), context));
  assert.deepEqual(
    [failure.host, failure.what, failure.next],
    ['web2', 'no route to web2; tried again for 30 s', 'Look at its cable.'],
  );
  assert.deepEqual(got, [1_000_000]);
});

test(
  'where no host takes it, the source is stopped and the hosts are told, not the source',
  { timeout: 5000 },
  async () => {
    const source = new Readable({ read: () => source.push('x'.repeat(65_536)) });
    const remote = remoteOf(async () => exited('', 1, 'no room'));
    const { context } = contextOf({ remote, archive: () => Promise.resolve(source) });
    const failure = await failureOf(putStep(step(COMMIT, 'web1', 'web2'), context));
    assert.deepEqual([failure.host, failure.what], ['web1', 'no room']);
    assert.ok(source.destroyed);
  },
);

for (const [how, source] of [
  ['fails', () => exited('', 1, 'no such release')],
  ['can not be reached', () => Promise.reject(new ConnectError('web1', 'unreachable', 'no route to web1', ''))],
  ['is lost', () => lost()],
] as const)
  test(
    `where the host that sends ${how}, no receiver takes the beginning for the whole`,
    { timeout: 5000 },
    async () => {
      let whole = 0;
      const remote = remoteOf(async (call) => {
        if (call.text === 'pack') return source();
        try {
          await input(call);
          whole += 1;
          return exited();
        } catch {
          return brokenHere('its input broke off');
        }
      });
      const failure = await failureOf(putStep(step(BUILDER, 'web2', 'web3'), contextOf({ remote }).context));
      assert.equal(whole, 0);
      assert.equal(failure.host, 'web1');
    },
  );

test('a source that can not be read is told as such', { timeout: 5000 }, async () => {
  const remote = remoteOf(async (call) => {
    try {
      await input(call);
      return exited();
    } catch {
      return brokenHere('its input broke off');
    }
  });
  const { context } = contextOf({ remote, archive: () => Promise.reject(new Error('no such commit')) });
  const failure = await failureOf(putStep(step(COMMIT, 'web1'), context));
  assert.equal(failure.what, 'could not read the source: no such commit');
  const source = new Readable({ read: () => source.destroy(new Error('a damaged object')) });
  const broken = contextOf({ remote, archive: () => Promise.resolve(source) });
  assert.equal(
    (await failureOf(putStep(step(COMMIT, 'web1', 'web2'), broken.context))).what,
    'could not read the source: a damaged object',
  );
});
