import assert from 'node:assert/strict';
import { test } from 'node:test';
import { names } from '../core/planning/world.ts';
import { assertNever } from './asserting.ts';
import { Trouble, type Story } from './story.ts';

/** What `ada`'s rollback called on hosts after a quiet roll, in order. */
async function rollback(wish: Partial<Story['wish']>): Promise<string[]> {
  const two = { backends: 4, balancers: 2, two: names('web', 4), ...wish };
  const trouble = new Trouble({ wish: two, seed: 1, verb: 'rollback', after: 'roll', deeds: [] });
  await trouble.prologue();
  const operator = trouble.begin('ada', 'rollback');
  await trouble.end();
  assertNever(trouble);
  assert.deepEqual(operator.ending, { kind: 'exit', exit: 0 });
  assert.equal(trouble.fleet.record?.backends['web4']?.release, trouble.fleet.serving('web4').process?.release);
  return trouble.fleet.calls.filter((call) => call.operator === 'ada').map(({ host, script }) => `${host} ${script}`);
}

test('while what served before lingers everywhere, a rollback moves the traffic before it looks at the backends', async () => {
  const calls = await rollback({});
  const flip = calls.indexOf('lb2 flip');
  assert.ok(flip > 0);
  const before = calls.slice(0, flip).filter((call) => call.startsWith('web'));
  assert.deepEqual(before, ['web1 observe-backend', 'web1 fence']);
  assert.ok(calls.slice(flip).includes('web4 fence'), 'then it is fenced, and looked at');
  assert.equal(calls.filter((call) => call === 'lb1 flip').length, 1);
});

test('with one slot anywhere everything is looked at first', async () => {
  const calls = await rollback({ two: names('web', 3) });
  assert.ok(calls.indexOf('web4 observe-backend') < calls.indexOf('lb1 flip'));
});
