import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Beginning, Event, EventBody } from '../src/core/event.ts';
import { Refusal } from '../src/core/failure.ts';
import { Moments } from '../src/core/moments.ts';
import { Hooks } from '../src/hooks.ts';
import { at, batch, began, failed, finished, rotation } from './tell/world.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hooks-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const told = (): string[] => readFileSync(join(folder, 'told'), 'utf8').slice(0, -1).split('\n');
const TELL =
  'echo "$ORCHESTRATE_HOOK $ORCHESTRATE_BATCH/$ORCHESTRATE_BATCHES $ORCHESTRATE_HOSTS $ORCHESTRATE_EXIT $ORCHESTRATE_FAILED_HOST" >>told';
const ROLL: Beginning = {
  type: 'began',
  app: 'shop',
  command: 'roll --ref v2',
  by: 'ada@laptop',
  number: 12,
  title: 'v2 on all',
  hosts: ['lb1', 'web1', 'web2'],
  from: 'v1',
  to: 'v2',
};

function scene(hooks: Partial<ConstructorParameters<typeof Hooks>[0]['hooks']>) {
  const events: EventBody[] = [];
  const stop = new AbortController();
  const made = new Hooks({
    hooks: { before_roll: [], after_batch: [], after_roll: [], on_failure: [], deadline: 5000, ...hooks },
    backends: ['web1', 'web2'],
    folder,
    environment: { ...process.env, SECRET: 'mine' },
    emit: (event) => events.push(event),
    stop: stop.signal,
  });
  const moments = new Moments();
  const tell = (...more: Event[]): void => {
    for (const event of more) for (const moment of moments.tell(event)) made.tell(moment);
  };
  const notes = (): string[] => events.flatMap((event) => (event.type === 'note' ? [event.text] : []));
  return { hooks: made, events, stop, tell, notes };
}

/** Whether a process is at work; one that only waits to be reaped is not. */
function runs(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

const one = (number: number, host: string): Event[] => [batch(number, 2, [host]), rotation(['web1', 'web2'])];
const refusal = async (promise: Promise<void>): Promise<Refusal> => {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Refusal);
  return error;
};

describe('hooks', () => {
  test('run around a roll, in the inventory’s folder, each with what is known', async () => {
    const { hooks, tell, notes } = scene({
      before_roll: [TELL],
      after_batch: [TELL],
      after_roll: [TELL, 'env >environment'],
      on_failure: [TELL],
    });
    await hooks.before(ROLL);
    assert.deepEqual(told(), ['before_roll / web1 web2  ']);
    tell(at(ROLL), ...one(1, 'web1'), ...one(2, 'web2'), finished());
    await hooks.end();
    assert.deepEqual(told().slice(1), [
      'after_batch 1/2 web1  ',
      'after_batch 2/2 web2  ',
      'after_roll / web1 web2 0 ',
    ]);
    assert.deepEqual(notes(), []);
    const environment = readFileSync(join(folder, 'environment'), 'utf8');
    for (const line of ['ORCHESTRATE_FROM=v1', 'ORCHESTRATE_TO=v2', 'ORCHESTRATE_NUMBER=12', 'SECRET=mine'])
      assert.ok(environment.includes(`${line}\n`), line);
  });

  test('do not hold the roll: they run beside it, one after the other', async () => {
    const { hooks, tell } = scene({ after_batch: [`sleep 1; ${TELL}`] });
    await hooks.before(ROLL);
    const since = performance.now();
    tell(at(ROLL), ...one(1, 'web1'), ...one(2, 'web2'), finished());
    assert.ok(performance.now() - since < 1000);
    await hooks.end();
    assert.deepEqual(told(), ['after_batch 1/2 web1  ', 'after_batch 2/2 web2  ']);
  });

  test('before_roll refuses, with what it said, and on_failure is told of it', async () => {
    const { hooks, events } = scene({
      before_roll: ['echo looking', 'echo "ticket 7 is open" >&2; exit 4', 'touch never'],
      on_failure: [TELL],
    });
    const error = await refusal(hooks.before(ROLL));
    assert.equal(error.exit, 3);
    assert.match(
      error.message,
      /^hooks.before_roll: `echo "ticket.*` ended with exit code 4: `roll --ref v2` was not begun/,
    );
    assert.deepEqual(error.details, ['ticket 7 is open']);
    await hooks.end();
    assert.deepEqual(told(), ['on_failure / web1 web2 3 ']);
    assert.throws(() => readFileSync(join(folder, 'never')));
    assert.deepEqual(events[0], { type: 'output', host: 'this machine', line: 'looking' });
  });

  test('what else fails is a note and changes nothing', async () => {
    const { hooks, tell, notes } = scene({
      after_batch: ['echo no; exit 1'],
      on_failure: ['kill -9 $$', '/nowhere/at/all', TELL],
    });
    await hooks.before(ROLL);
    tell(at(ROLL), ...one(1, 'web1'), failed(), finished({}, 1));
    await hooks.end();
    assert.deepEqual(notes().slice(0, 2), [
      'hooks.after_batch: `echo no; exit 1` ended with exit code 1: no',
      'hooks.on_failure: `kill -9 $$` was ended by SIGKILL',
    ]);
    assert.match(notes()[2] ?? '', /`\/nowhere\/at\/all` ended with exit code 127: .*not found/);
    assert.deepEqual(told(), ['on_failure / web1 web2 1 web1']);
  });

  test('have a deadline, and what they started ends with them', async () => {
    const { hooks } = scene({ before_roll: ['trap "" TERM; sleep 30 & echo $! >pid; wait; sleep 30'], deadline: 300 });
    const since = performance.now();
    const error = await refusal(hooks.before(ROLL));
    assert.match(error.message, /was still running after 300 ms/);
    assert.ok(performance.now() - since < 5000);
    await wait(100);
    assert.equal(runs(Number(readFileSync(join(folder, 'pid'), 'utf8'))), false);
  });

  test('one that leaves something running is over when it ends itself', async () => {
    const { hooks } = scene({ before_roll: ['sleep 20 & echo $! >pid'] });
    const since = performance.now();
    await hooks.before(ROLL);
    assert.ok(performance.now() - since < 5000);
    process.kill(Number(readFileSync(join(folder, 'pid'), 'utf8')));
  });

  test('Ctrl-C ends before_roll, with the signal’s exit code', async () => {
    const { hooks, stop } = scene({ before_roll: ['sleep 20'], on_failure: [TELL] });
    setTimeout(() => stop.abort('SIGINT'), 100);
    assert.equal((await refusal(hooks.before(ROLL))).exit, 130);
    await hooks.end();
    assert.deepEqual(told(), ['on_failure / web1 web2 130 ']);
  });

  test('are not for a command that switches no release; and one that ends without an end is a failure', async () => {
    const drain = scene({ before_roll: ['exit 1'], after_roll: [TELL], on_failure: [TELL] });
    const { from: _from, to: _to, ...beginning } = ROLL;
    await drain.hooks.before(beginning);
    drain.tell(began(['web1']), finished());
    await drain.hooks.end();
    assert.throws(told);
    const fault = scene({ on_failure: [TELL] });
    await fault.hooks.before(ROLL);
    fault.tell(at(ROLL));
    await fault.hooks.end();
    assert.deepEqual(told(), ['on_failure / web1 web2 1 ']);
  });
});
