import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { HEARTBEAT, StreamReader, streamText } from '../../../src/core/api/stream.ts';

const many = process.env['ORCHESTRATE_TEST_ALL'] === '1' ? 10_000 : 300;

describe('a stream of server-sent events', () => {
  it('is read as it was written, wherever it is cut, with heartbeats between', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue()),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        (values, sizes) => {
          const wanted = values.map((value, at) => ({ id: `b-${at}`, data: JSON.stringify(value) }));
          let text = wanted.map(({ id, data }) => HEARTBEAT + streamText(id, data)).join('');
          const reader = new StreamReader();
          const found = [];
          for (let turn = 0; text !== ''; turn += 1) {
            const size = sizes[turn % sizes.length] ?? 1;
            found.push(...reader.read(text.slice(0, size)));
            text = text.slice(size);
          }
          assert.deepEqual(found, wanted);
        },
      ),
      { numRuns: many },
    );
  });

  it('may be anything: it is read, or refused where a message has no end', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (pieces) => {
        const reader = new StreamReader();
        for (const piece of pieces) reader.read(piece);
      }),
      { numRuns: many },
    );
    const reader = new StreamReader();
    assert.throws(() => {
      for (let at = 0; at < 100; at += 1) reader.read('x'.repeat(100_000));
    }, RangeError);
  });

  it('understands carriage returns, fields without a space, and data in several lines', () => {
    assert.deepEqual(new StreamReader().read('event:x\r\nid:7\r\ndata:a\r\ndata: b\r\n\r\n'), [
      { id: '7', data: 'a\nb' },
    ]);
  });
});
