import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AnswerReader } from './load/answer.ts';
import { checkLedger, ledgerQuery, readRows } from './load/ledger.ts';
import { type Kind, mix } from './load/mix.ts';

const body = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));

function chunked(parts: readonly Buffer[]): Buffer {
  const pieces = parts
    .filter((part) => part.length > 0)
    .flatMap((part) => [Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]);
  return Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')]);
}

/** Hands over `bytes` cut at the given places. */
function read(bytes: Buffer, cuts: readonly number[]): ReturnType<AnswerReader['take']> {
  const reader = new AnswerReader();
  const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  let found: ReturnType<AnswerReader['take']> = null;
  for (let at = 1; at < edges.length; at += 1) {
    if (edges[at]! > edges[at - 1]!) found = reader.take(bytes.subarray(edges[at - 1], edges[at])) ?? found;
  }
  return found ?? reader.ended();
}

test('an answer is read whole, however its bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(body, { maxLength: 4 }),
      fc.array(fc.nat(), { maxLength: 6 }),
      fc.constantFrom('length', 'chunked', 'end'),
      (parts, cuts, how) => {
        const whole = Buffer.concat(parts);
        const heads = {
          length: `Content-Length: ${whole.length}\r\n`,
          chunked: 'Transfer-Encoding: chunked\r\n',
          end: '',
        };
        const head = `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-Release:  v1\r\n${heads[how]}\r\n`;
        const answer = read(Buffer.concat([Buffer.from(head), how === 'chunked' ? chunked(parts) : whole]), cuts);
        assert.ok(answer !== null);
        assert.deepEqual(answer.body, whole);
        assert.equal(answer.headers['x-release'], 'v1');
        assert.equal(answer.reusable, how !== 'end');
        assert.equal(answer.extra, 0);
      },
    ),
  );
});

test('an answer cut short is none', () => {
  for (const head of ['Content-Length: 5\r\n', 'Transfer-Encoding: chunked\r\n']) {
    assert.equal(read(Buffer.from(`HTTP/1.1 200 OK\r\n${head}\r\n4\r\n`), []), null);
  }
});

test('what is not HTTP, and bytes after an answer, are seen', () => {
  assert.throws(() => read(Buffer.from('SSH-2.0-OpenSSH_9.2\r\n\r\n'), []), /begins with "SSH-2.0/);
  assert.equal(read(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500'), [])?.extra, 12);
  assert.equal(
    read(Buffer.from('HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nok'), [])?.reusable,
    false,
  );
});

test('the ledger finds what is missing, doubled and unknown, and what was stored though its answer was lost', () => {
  const rows = readRows('run-1 1\nrun-2 2\nrun-4 1\nrun-9 1\n');
  assert.deepEqual(
    checkLedger({ acknowledged: ['run-1', 'run-2', 'run-3'], unacknowledged: ['run-4', 'run-5'] }, rows),
    {
      missing: ['run-3'],
      doubled: ['run-2'],
      unknown: ['run-9'],
      storedUnacknowledged: ['run-4'],
    },
  );
  assert.throws(() => readRows('psql: error: connection refused'), /connection refused/);
  assert.match(ledgerQuery('run-1a'), /like 'run-1a-%'/);
  assert.throws(() => ledgerQuery("'; drop table"), /not the name of a run/);
});

test('the mix is whole, and each stylesheet can follow a page', () => {
  const shares: [Kind, number][] = [
    ['page', mix.shares.page],
    ['static', mix.shares.static],
    ['slow', mix.shares.slow],
    ['order', mix.shares.order],
    ['upload', mix.shares.upload],
  ];
  assert.ok(Math.abs(shares.reduce((sum, [, share]) => sum + share, 0) - 1) < 1e-9);
  assert.ok(shares.every(([, share]) => share > 0) && mix.shares.static < mix.shares.page);
  assert.ok(mix.connections > 100);
});
