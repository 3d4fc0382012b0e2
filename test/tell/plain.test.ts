import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Event } from '../../src/core/event.ts';
import { ndjson } from '../../src/tell/ndjson.ts';
import { plain } from '../../src/tell/plain.ts';
import { at, batch, began, failed, finished, HOSTILE, rotation, step } from './world.ts';

function lines(events: readonly Event[], verbose = false): string[] {
  let text = '';
  const tell = plain((more) => (text += more), verbose);
  for (const event of events) tell(event);
  return text.split('\n').slice(0, -1);
}

describe('plain lines', () => {
  test('tell a roll, each with its time', () => {
    assert.deepEqual(
      lines([
        began(['web1', 'web2']),
        at({ type: 'note', text: 'both releases serve side by side' }),
        rotation(['web1', 'web2'], ['web1']),
        batch(1, 2, ['web1']),
        step('web1', 'started'),
        at({ type: 'step', host: 'web1', say: 'switch web1', state: 'done', took: 1400, note: 'runs as process 812' }),
        at({ type: 'step', host: 'web1', say: 'migrate', state: 'skipped' }),
        finished({ hosts: [{ host: 'web1', release: 'v2', rotation: 'in', out: 2900 }] }),
      ]),
      [
        '10:00:00  shop: v2 (Say hello) on all',
        '10:00:00  note: both releases serve side by side',
        '10:00:00  in rotation: 1 of 2; out: web1',
        '10:00:00  [2/5] batch 1 of 2: web1 to v2',
        '10:00:00    web1: switch web1 · runs as process 812 (1.4 s)',
        '10:00:00    web1  v2  in rotation  was out for 2.9 s',
        '10:00:00  Done: v2 (9.5 s, no Nginx reloads)',
      ],
    );
  });

  test('tell a failure with the end of the output and what to do', () => {
    assert.deepEqual(
      lines([
        step('web1', 'failed'),
        failed(['Traceback:', '  ImportError']),
        at({ type: 'going back', title: 'all to v1' }),
      ]),
      [
        '10:00:00    web1: switch web1 to v2: FAILED (1.5 s)',
        '10:00:00  FAILED',
        '10:00:00  web1: ask web1: /healthz: answered 503; wanted 200',
        '10:00:00      Traceback:',
        '10:00:00        ImportError',
        '10:00:00    What to do: Look at the log.',
        '10:00:00  GOING BACK: all to v1',
      ],
    );
  });

  test('have what hosts print only if asked for, and never as a terminal would obey it', () => {
    const output = at({ type: 'output', host: 'web1', line: HOSTILE });
    assert.deepEqual(lines([output]), []);
    for (const line of lines([output, failed([HOSTILE]), at({ type: 'note', text: HOSTILE })], true))
      assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]/u);
  });
});

test('what is waited for is told with what is left of it, and no more when it is over', () => {
  const waiting = (left: number): Event =>
    at({ type: 'waiting', text: 'waiting until Tue 02:00', until: '2026-11-24T02:00:00Z', left });
  assert.deepEqual(lines([waiting(18_720_000), waiting(41_400), waiting(0)]), [
    '10:00:00  waiting until Tue 02:00, in 5 h 12 min',
    '10:00:00  waiting until Tue 02:00, in 42 seconds',
  ]);
});

test('NDJSON is one object a line, whatever hosts print', () => {
  let text = '';
  const tell = ndjson((more) => (text += more));
  const events = [began(['web1']), failed([HOSTILE]), finished()];
  for (const event of events) tell(event);
  assert.deepEqual(
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Event),
    events,
  );
});
