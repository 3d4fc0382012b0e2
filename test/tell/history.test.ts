import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import type { Event } from '../../src/core/event.ts';
import { fullest, inHand, lastOut, readList, readTold, union } from '../../src/core/history.ts';
import { isLong, journalLine, readJournalLine } from '../../src/core/journal.ts';
import { historyLines, toldLines } from '../../src/tell/history.ts';
import { at, batch, began, failed, finished, HOSTILE, rotation, step } from './world.ts';

const lease = (token: number, until: number): string =>
  `lease {"token":${token},"holder":"a","term":30,"boot":"b","until":${until},"details":{"by":"","command":"","since":""}}\n`;
const head = (holder = 0): string => `boot b\nuptime 100.5\n${lease(holder, 120)}`;
const line = (event: Event): string => journalLine(event, 0) ?? '';

const ROLL: readonly Event[] = [
  began(['lb1', 'web1', 'web2']),
  rotation(['web1', 'web2']),
  batch(1, 2, ['web1'], 'flip'),
  rotation(['web1', 'web2'], ['web1']),
  batch(1, 2, ['web1']),
  step('web1', 'started', 'drain'),
  step('web1', 'done', 'drain'),
  step('web1', 'started'),
];
const WHOLE: readonly Event[] = [
  ...ROLL,
  step('web1', 'done'),
  finished({ hosts: [{ host: 'web1', release: 'v2', rotation: 'in', out: 2900 }] }),
];

const listed = (number: number, events: readonly Event[]): string => {
  const lines = events.map(line);
  const end = events.findLast(({ type }) => type === 'finished');
  return [
    `command ${String(number).padStart(6, '0')}`,
    `lines ${lines.length}`,
    `first ${lines[0] ?? ''}`,
    ...(end === undefined ? [] : [`finished ${line(end)}`]),
    `last ${lines.at(-1) ?? ''}`,
    '',
  ].join('\n');
};
const told = (events: readonly Event[], holder = 0): string =>
  `${head(holder)}journal\n${events.map(line).join('\n')}\n`;

describe('the journal', () => {
  test('has every event as it was, but not what hosts print', () => {
    for (const event of [...WHOLE, failed(['Traceback']), at({ type: 'going back', title: 'all to v1' })])
      assert.deepEqual(readJournalLine(line(event)), event);
    assert.equal(journalLine(at({ type: 'output', host: 'web1', line: 'SECRET_KEY=abc' }), 0), undefined);
  });

  test('of a command that says very much has only the end from some point on', () => {
    assert.equal(isLong(100), false);
    assert.equal(isLong(1_000_000), true);
    assert.equal(journalLine(step('web1', 'done'), 1_000_000), undefined);
    assert.notEqual(journalLine(finished(), 1_000_000), undefined);
    assert.notEqual(journalLine(failed(), 1_000_000), undefined);
  });
});

describe('the history', () => {
  test('lists how each command ended, newest first, whichever balancer knows it best', () => {
    const lb1 = readList(head(14) + listed(14, ROLL) + listed(12, WHOLE) + listed(11, ROLL), 'lb1');
    const lb2 = readList(head(0) + listed(13, ROLL) + listed(12, ROLL.slice(0, 2)), 'lb2');
    const all = union([lb1, lb2], 20);
    assert.deepEqual(
      all.map(({ number, state, balancers, lines }) => [number, state, balancers, lines]),
      [
        [14, 'at work', ['lb1'], 8],
        [13, 'died', ['lb2'], 8],
        [12, 'ended', ['lb1', 'lb2'], 10],
        [11, 'died', ['lb1'], 8],
      ],
    );
    assert.deepEqual(historyLines({ app: 'shop', commands: all, unasked: [{ balancer: 'lb3', reason: 'no route' }] }), [
      'NUMBER  WHEN (UTC)           WHO         COMMAND        ENDED                                       HOSTS',
      '14      2026-11-23 10:00:00  ada@laptop  roll --ref v2  at work (last word at 2026-11-23 10:00:00)  lb1 web1 web2',
      '13      2026-11-23 10:00:00  ada@laptop  roll --ref v2  died (last word at 2026-11-23 10:00:00)     lb1 web1 web2',
      '12      2026-11-23 10:00:00  ada@laptop  roll --ref v2  done                                        lb1 web1 web2',
      '11      2026-11-23 10:00:00  ada@laptop  roll --ref v2  died (last word at 2026-11-23 10:00:00)     lb1 web1 web2',
      '! lb3 could not be asked: no route',
      '`orchestrate history show NUMBER` tells one of them, step by step.',
    ]);
    assert.equal(union([lb1, lb2], 2).length, 2);
    assert.match(historyLines({ app: 'shop', commands: [], unasked: [] }).join(), /no command has changed anything/);
  });

  test('a lease that has lapsed, or was given up, holds nobody at work', () => {
    for (const text of [lease(14, 90), lease(14, 0), lease(13, 120), 'lease words\n', ''])
      assert.equal(readList(`boot b\nuptime 100.5\n${text}${listed(14, ROLL)}`, 'lb1')[0]?.state, 'died', text);
  });

  test('tells one that ended as it was told then', () => {
    const whole = readTold(told(WHOLE), 12, 'lb1');
    assert.ok(whole);
    assert.deepEqual(toldLines({ ...whole, unasked: [] }), [
      '12: `roll --ref v2` by ada@laptop, 2026-11-23 10:00:00 UTC (from lb1)',
      '',
      '10:00:00  shop: v2 (Say hello) on all',
      '10:00:00  in rotation: 2 of 2',
      '10:00:00  [1/5] web1 out of rotation',
      '10:00:00  in rotation: 1 of 2; out: web1',
      '10:00:00  [2/5] batch 1 of 2: web1 to v2',
      '10:00:00    web1: drain (1.5 s)',
      '10:00:00    web1: switch web1 to v2 (1.5 s)',
      '10:00:00    web1  v2  in rotation  was out for 2.9 s',
      '10:00:00  Done: v2 (9.5 s, no Nginx reloads)',
    ]);
  });

  test('tells of one that died what was in hand, and who was out', () => {
    const dead = readTold(`${told(ROLL)}no JSON\n`, 13, 'lb2');
    assert.ok(dead);
    assert.deepEqual(toldLines({ ...dead, unasked: [] }).slice(-9), [
      '',
      "1 line of it can't be read.",
      '',
      'It died: its last word came at 2026-11-23 10:00:00 UTC. What is so now, `orchestrate status` tells.',
      'Out of rotation by its last word: web1.',
      'In hand, and no end of it is known:',
      '  web1  switch web1 to v2  since 10:00:00',
      'The last that was done:',
      '  web1  drain  at 10:00:00',
    ]);
    assert.equal(fullest([dead, readTold(told(WHOLE), 13, 'lb1') ?? dead])?.balancer, 'lb1');
    assert.equal(readTold(head(), 13, 'lb1'), undefined);
    assert.deepEqual([inHand([]), lastOut([])], [[], []]);
  });

  test('whatever a host answers, words come of it, and nothing that a terminal obeys', () => {
    const honest =
      head(14) + listed(14, ROLL) + listed(12, WHOLE) + listed(11, [began(['web1'], HOSTILE), failed([HOSTILE])]);
    const shown = told([...WHOLE, failed([HOSTILE])]);
    const mutation = fc.record({
      from: fc.double({ min: 0, max: 1, noNaN: true }),
      cut: fc.integer({ min: 0, max: 40 }),
      put: fc.oneof(
        fc.string({ unit: 'binary', maxLength: 12 }),
        fc.constantFrom(
          '"',
          '{',
          '}',
          '\n',
          '-1',
          '1e400',
          'null',
          '[]',
          '\\u0000',
          '\u001b[2J',
          'command 7\n',
          HOSTILE,
        ),
      ),
    });
    const mutated = (text: string, changes: readonly { from: number; cut: number; put: string }[]): string =>
      changes.reduce((sum, { from, cut, put }) => {
        const place = Math.floor(from * sum.length);
        return sum.slice(0, place) + put + sum.slice(place + cut);
      }, text);
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 6 }), (changes) => {
        const commands = union([readList(mutated(honest, changes), 'lb1'), readList(honest, 'lb2')], 20);
        const one = readTold(mutated(shown, changes), 14, 'lb1');
        const lines = [
          ...historyLines({ app: 'shop', commands, unasked: [] }),
          ...(one === undefined ? [] : toldLines({ ...one, unasked: [] })),
        ];
        assert.ok(lines.length > 1);
        for (const each of lines) assert.doesNotMatch(each, /[\p{Cc}\p{Cf}]/u);
      }),
      { numRuns: process.env['ORCHESTRATE_TEST_ALL'] === undefined ? 400 : 10_000 },
    );
    fc.assert(fc.property(fc.json(), (text) => void readJournalLine(text)));
  });
});
