import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Event } from '../../src/core/event.ts';
import { hookEnvironment } from '../../src/core/hook-environment.ts';
import { Moments, type Moment } from '../../src/core/moments.ts';
import { bodyOf, momentText } from '../../src/core/notification.ts';
import { at, batch, began, failed, finished, rotation, step } from '../tell/world.ts';

const momentsOf = (events: readonly Event[]): Moment[] => {
  const moments = new Moments();
  return events.flatMap((event) => moments.tell(event));
};
const kinds = (events: readonly Event[]): string[] =>
  momentsOf(events).map((moment) => (moment.kind === 'batch' ? `batch ${moment.number}` : moment.kind));

const hosts = ['web1', 'web2'];
const TWO: readonly Event[] = [
  began(['lb1', ...hosts]),
  rotation(hosts),
  batch(1, 2, ['web1'], 'flip'),
  rotation(hosts, ['web1']),
  batch(1, 2, ['web1']),
  step('web1', 'done'),
  batch(2, 2, ['web2'], 'flip'),
  rotation(hosts, ['web2']),
  batch(2, 2, ['web2']),
];

describe('moments', () => {
  test('a batch is done when it is back in rotation', () => {
    assert.deepEqual(kinds([...TWO, batch(2, 2, ['web2'], 'flip'), rotation(hosts), finished()]), [
      'started',
      'batch 1',
      'batch 2',
      'finished',
    ]);
  });

  test('a failure is told once, and going back makes no batches', () => {
    const back = at({ type: 'going back', title: 'all to v1' });
    const way = [batch(1, 1, ['web1']), rotation(hosts)];
    const end = finished({}, 1);
    assert.deepEqual(kinds([...TWO, failed(), failed(), back, ...way, end]), [
      'started',
      'batch 1',
      'failed',
      'finished',
    ]);
    assert.deepEqual(kinds([...TWO, back, ...way, end]), ['started', 'batch 1', 'failed', 'finished']);
    const last = momentsOf([...TWO, failed(), end]).at(-1);
    assert.ok(last?.kind === 'finished' && last.failure?.host === 'web1');
  });

  test('what comes before the beginning is none', () => {
    assert.deepEqual(kinds([at({ type: 'note', text: 'Stopping' }), rotation(hosts), failed()]), []);
  });
});

describe('a message', () => {
  const [started, first] = momentsOf(TWO);
  const all = momentsOf([...TWO, failed(['SECRET_KEY=abc']), finished({ sentence: 'Not done: <v2> & *all*' }, 1)]);

  test('says what happened in words, and holds nothing that hosts print', () => {
    assert.ok(started !== undefined && first !== undefined);
    assert.equal(momentText(started), 'shop: ada@laptop began `roll --ref v2`: v2 (Say hello) on all');
    assert.equal(momentText(first), 'shop: batch 1 of 2 is done: web1');
    assert.equal(
      momentText(all[2] ?? first),
      'shop: `roll --ref v2` by ada@laptop failed: web1: ask web1: /healthz: answered 503; wanted 200\nWhat to do: Look at the log.',
    );
    for (const moment of all) assert.doesNotMatch(bodyOf(moment, 'json', 'id'), /SECRET_KEY/);
  });

  test('is JSON with its own id, or what Slack takes, which makes no link or mention of it', () => {
    const [, batchBody, failedBody, finishedBody] = all.map(
      (moment) => JSON.parse(bodyOf(moment, 'json', 'shop-12-1')) as Record<string, unknown>,
    );
    assert.deepEqual(
      [batchBody?.['event'], batchBody?.['batch'], batchBody?.['hosts'], batchBody?.['id']],
      ['batch', { number: 1, of: 2 }, ['web1'], 'shop-12-1'],
    );
    assert.deepEqual(Object.keys(failedBody?.['failure'] ?? {}), ['host', 'doing', 'what', 'next']);
    assert.deepEqual([finishedBody?.['exit'], finishedBody?.['number']], [1, 12]);
    assert.deepEqual(JSON.parse(bodyOf(all.at(-1) ?? all[0]!, 'slack', 'id')), {
      text: ':rotating_light: shop: Not done: &lt;v2&gt; &amp; *all* (`roll --ref v2` by ada@laptop, exit 1)',
    });
  });
});

test('a hook is told what is known, and no more', () => {
  const { at: _at, ...beginning } = began(['lb1', 'web2', 'web1']) as Extract<Event, { type: 'began' }>;
  assert.deepEqual(hookEnvironment('before_roll', { ...beginning, from: null, to: 'v2' }, {}, hosts), {
    ORCHESTRATE_HOOK: 'before_roll',
    ORCHESTRATE_APP: 'shop',
    ORCHESTRATE_COMMAND: 'roll --ref v2',
    ORCHESTRATE_BY: 'ada@laptop',
    ORCHESTRATE_NUMBER: '12',
    ORCHESTRATE_TITLE: 'v2 (Say hello) on all',
    ORCHESTRATE_TO: 'v2',
    ORCHESTRATE_HOSTS: 'web2 web1',
  });
  const told = { batch: { number: 1, of: 2, hosts: ['web1'] }, exit: 1, failedHost: 'web\u00001' };
  const { ORCHESTRATE_HOSTS, ORCHESTRATE_BATCH, ORCHESTRATE_BATCHES, ORCHESTRATE_EXIT, ORCHESTRATE_FAILED_HOST } =
    hookEnvironment('on_failure', beginning, told, hosts);
  assert.deepEqual(
    [ORCHESTRATE_HOSTS, ORCHESTRATE_BATCH, ORCHESTRATE_BATCHES, ORCHESTRATE_EXIT, ORCHESTRATE_FAILED_HOST],
    ['web1', '1', '2', '1', 'web1'],
  );
});
