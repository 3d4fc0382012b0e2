import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventBody } from '../../src/core/event.ts';
import { InFlight } from '../../src/tell/in-flight.ts';

const at = '2026-11-23T02:14:00.000Z';
const tell = (flight: InFlight, ...events: EventBody[]): void =>
  events.forEach((event) => flight.tell({ at, ...event }));
const began: EventBody = {
  type: 'began',
  app: 'shop',
  command: 'roll',
  by: 'ada@desk',
  number: 7,
  title: 'x',
  hosts: ['web1'],
};
const step = (host: string, say: string, state: 'started' | 'done' | 'failed'): EventBody => ({
  type: 'step',
  state,
  host,
  say,
});

test('whoever leaves at once is told what was under way, and how to go on', () => {
  const flight = new InFlight();
  assert.deepEqual(flight.farewell(), ['Left at once; nothing was changed.']);
  tell(flight, began, step('web1', 'switch', 'started'), step('web2', 'switch', 'started'));
  tell(flight, step('web1', 'switch', 'done'), step('web1', 'ask', 'started'));
  assert.deepEqual(flight.farewell().slice(0, -1), [
    'Left at once.',
    'What has become of these is not known:',
    '  web2: switch',
    '  web1: ask',
  ]);
  assert.match(flight.farewell().at(-1) ?? '', /lease ends by itself within 30 s.*status.*resume.*rollback/);
  tell(flight, step('web2', 'switch', 'failed'), step('web1', 'ask', 'done'));
  assert.equal(flight.farewell()[1], 'No step was under way.');
});
