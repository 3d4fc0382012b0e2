import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { formatRecord, outOf, parseRecord, type GenerationRecord } from '../../src/core/record.ts';

const example: GenerationRecord = {
  version: 1,
  app: 'shop',
  generation: 42,
  table: { stable: 'out-web1' },
  backends: {
    web2: { rotation: 'in', since: '2026-11-23T02:14:00.000Z', release: '20261123-0214-1a2b3c4' },
    web1: { rotation: 'out', reason: 'disk "sda"', since: '2026-11-23T02:14:00.000Z', by: 'ada', release: null },
  },
  intent: {
    kind: 'roll',
    from: null,
    to: 'r2',
    hosts: ['web1'],
    batch: [1, '25%'],
    by: 'ada',
    command: 'roll',
    at: '2026-11-23T02:14:00Z',
  },
  token: 7,
  holder: 'b3f1',
  command: 'roll --batch 1',
  by: 'ada@laptop',
  at: '2026-11-23T02:14:00.000Z',
};

test('a record comes back as it went, on one line, the same for any order of the backends', () => {
  const text = formatRecord(example);
  assert.deepEqual(parseRecord(text), { record: example });
  assert.equal(text.indexOf('\n'), text.length - 1);
  const { web1, web2 } = example.backends;
  assert.equal(formatRecord({ ...example, backends: { web1: web1!, web2: web2! } }), text);
  assert.deepEqual(outOf(example), new Set(['web1']));
});

const problem = (text: string): string => {
  const read = parseRecord(text);
  return 'problem' in read ? read.problem : '';
};

test('what is wrong is said in words', () => {
  assert.match(problem('{"vers\u001b[31m'), /^the record is not JSON: {"vers\?\[31m$/);
  assert.match(problem('{"version":2}'), /version 2/);
  assert.match(problem('null'), /not well formed at its top/);
  assert.match(problem(JSON.stringify({ ...example, table: {} })), /table.*no lane stable/);
  assert.match(problem(JSON.stringify({ ...example, table: { stable: '../../etc' } })), /table\.stable/);
  assert.match(problem(JSON.stringify({ ...example, backends: { 'Web;1': {} } })), /backends/);
});

test('a damaged record gives an error in words, never a crash', () => {
  const text = formatRecord(example);
  fc.assert(
    fc.property(fc.nat(text.length), fc.nat(8), fc.string({ unit: 'binary', maxLength: 6 }), (at, drop, put) => {
      const read = parseRecord(text.slice(0, at) + put + text.slice(at + drop));
      // oxlint-disable-next-line no-control-regex
      if ('problem' in read) assert.match(read.problem, /^[^\u0000-\u001f]{1,400}$/);
    }),
    { numRuns: 1000 },
  );
});
