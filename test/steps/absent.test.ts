import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failed } from '../../src/core/failure.ts';
import type { AbsentStep } from '../../src/core/plan.ts';
import { ConnectError } from '../../src/fleet/ports.ts';
import { absentStep } from '../../src/steps/absent.ts';
import { fakeClock } from '../fleet/fake-clock.ts';
import { exited, fakeRemote } from '../fleet/fake-remote.ts';
import { contextOf } from './context.ts';

const step: AbsentStep = { kind: 'absent', say: 'see that lb2 still does not answer', host: 'lb2', deadline: 3000 };
const refusing = (reason: ConnectError['reason']) =>
  fakeRemote(() => Promise.reject(new ConnectError('lb2', reason, 'no way to lb2', '')));

for (const reason of ['unreachable', 'timed out'] as const)
  test(`a host that is ${reason} is absent`, async () => {
    await absentStep(step, contextOf({ remote: refusing(reason), clock: fakeClock() }).context);
  });

test('a host that has not answered within the deadline is absent', async () => {
  const clock = fakeClock();
  const remote = fakeRemote(() => new Promise(() => {}));
  const seen = absentStep(step, contextOf({ remote, clock }).context);
  await clock.advance(3000);
  await seen;
});

for (const [how, remote] of [
  ['answers', fakeRemote(() => exited())],
  ['refuses the login', refusing('login')],
  ['shows another key', refusing('host key')],
] as const)
  test(`a host that ${how} is there, and the step fails with what to do`, async () => {
    await assert.rejects(absentStep(step, contextOf({ remote, clock: fakeClock() }).context), (error) => {
      assert.ok(error instanceof Failed);
      assert.match(error.failure.what, /^lb2 answers/);
      assert.match(error.failure.next, /without --without-balancer/);
      return true;
    });
  });
