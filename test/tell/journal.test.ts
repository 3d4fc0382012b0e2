import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Outcome } from '../../src/core/outcome.ts';
import { Journal } from '../../src/tell/journal.ts';
import { ConnectError } from '../../src/fleet/ports.ts';
import { exited, lost } from '../fleet/fake-remote.ts';
import { at, began, failed, finished, step } from './world.ts';

/** Balancers that keep what they are sent, as journal.sh does, unless `answer` says otherwise. */
function scene(
  balancers: readonly string[],
  answer: (balancer: string, call: number) => Outcome | Promise<Outcome> | undefined,
) {
  const files = new Map<string, string[]>(balancers.map((name) => [name, []]));
  const calls = new Map<string, number>();
  const journal = new Journal({
    balancers,
    append: async (balancer, number, from, lines) => {
      assert.equal(number, '000012');
      const call = (calls.get(balancer) ?? 0) + 1;
      calls.set(balancer, call);
      const file = files.get(balancer) ?? [];
      const told = await answer(balancer, call);
      if (told?.kind === 'exited' && told.code !== 0) return told;
      const come = lines.split('\n').slice(0, -1);
      file.push(...come.slice(file.length - from));
      return told ?? exited(`lines ${file.length}\n`);
    },
    ticks: () => performance.now(),
  });
  return { journal, files, calls };
}

const types = (lines: readonly string[] | undefined): string[] =>
  (lines ?? []).map((line) => (JSON.parse(line) as { type: string }).type);

describe('the journal', () => {
  test('is sent beside the roll, in portions, and the rest at the end', async () => {
    const { journal, files, calls } = scene(['lb1', 'lb2'], () => undefined);
    journal.tell(at({ type: 'note', text: 'before it began' }));
    journal.tell(began(['web1']));
    for (let n = 0; n < 50; n += 1) journal.tell(step('web1', 'done'));
    journal.tell(at({ type: 'output', host: 'web1', line: 'SECRET' }));
    assert.equal(calls.size, 0);
    await wait(3500);
    assert.deepEqual([...calls.values()], [1, 1]);
    assert.equal(files.get('lb2')?.length, 51);
    journal.tell(finished());
    journal.tell(at({ type: 'note', text: 'a hook failed' }));
    assert.deepEqual(await journal.end(1000), []);
    assert.deepEqual(types(files.get('lb1')).slice(-2), ['finished', 'note']);
    assert.doesNotMatch(files.get('lb1')?.join() ?? '', /SECRET/);
  });

  test('of a command that was never begun is none', async () => {
    const { journal, calls } = scene(['lb1'], () => undefined);
    assert.deepEqual(await journal.end(1000), []);
    assert.equal(calls.size, 0);
  });

  test('is sent again after a link was lost, and is there once', async () => {
    const { journal, files } = scene(['lb1'], (_, call) => (call === 1 ? lost() : undefined));
    journal.tell(began(['web1']));
    await wait(1100);
    journal.tell(finished());
    assert.deepEqual(await journal.end(1000), []);
    assert.deepEqual(types(files.get('lb1')), ['began', 'finished']);
  });

  test('a balancer that is dead, slow or full holds nobody, and is named once, with the reason', async () => {
    const never = new Promise<Outcome>(() => {});
    const { journal, files } = scene(['dead', 'slow', 'full', 'well', 'cut'], (balancer) => {
      if (balancer === 'dead') throw new ConnectError('dead', 'unreachable', 'dead: no route to host', 'Look.');
      if (balancer === 'full') return exited('', 78, 'cannot write /x: 0 kB are free there\n');
      if (balancer === 'cut') return exited('lines 1\nfull\n');
      return balancer === 'slow' ? never : undefined;
    });
    journal.tell(began(['web1']));
    await wait(1100);
    journal.tell(failed());
    journal.tell(finished({}, 1));
    const since = performance.now();
    const said = await journal.end(300);
    assert.ok(performance.now() - since < 1000);
    assert.deepEqual(said, [
      "dead has none of this command's events in its history: dead: no route to host",
      "slow has none of this command's events in its history: there was no time left",
      "full has none of this command's events in its history: cannot write /x: 0 kB are free there",
    ]);
    assert.deepEqual(types(files.get('well')), ['began', 'failed', 'finished']);
  });

  test('of a command that says very much ends with its end', async () => {
    const { journal, files } = scene(['lb1'], () => undefined);
    journal.tell(began(['web1']));
    const long = 'x'.repeat(1000);
    for (let n = 0; n < 2000; n += 1) journal.tell(at({ type: 'note', text: long }));
    journal.tell(finished());
    assert.deepEqual(await journal.end(5000), []);
    const lines = files.get('lb1') ?? [];
    assert.ok(lines.join('\n').length < 1_000_000);
    assert.match(lines.at(-2) ?? '', /this journal is long/);
    assert.deepEqual(types(lines).slice(-1), ['finished']);
  });
});
