import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { PassThrough, Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { fanOut } from '../../src/fleet/fan-out.ts';

const chunks = Array.from({ length: 200 }, () => randomBytes(20_000));
const whole = createHash('sha256').update(Buffer.concat(chunks)).digest('hex');
const digest = async (stream: Readable): Promise<string> =>
  createHash('sha256')
    .update(await buffer(stream))
    .digest('hex');

test('every receiver gets all of it', async () => {
  const { input, outputs } = fanOut(3);
  const digests = outputs.map((output) => digest(output));
  await pipeline(Readable.from(chunks), input);
  assert.deepEqual(await Promise.all(digests), [whole, whole, whole]);
});

test('the slowest sets the pace', async () => {
  const { input, outputs } = fanOut(2);
  const [fast, slow] = outputs;
  assert.ok(fast !== undefined && slow !== undefined);
  const fastDigest = digest(fast);
  let sent = 0;
  const source = Readable.from(
    (function* count() {
      for (const chunk of chunks) {
        sent += chunk.length;
        yield chunk;
      }
    })(),
  );
  const sending = pipeline(source, input);
  for (let i = 0; i < 50; i += 1) await turn();
  assert.ok(sent < 1_000_000, `${sent} bytes taken in while one receiver reads nothing`);
  const slowDigest = digest(slow);
  await sending;
  assert.deepEqual(await Promise.all([fastDigest, slowDigest]), [whole, whole]);
});

test('a receiver that fails in the middle holds up nobody', async () => {
  const { input, outputs } = fanOut(3);
  const [first, second, third] = outputs;
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  const broken = pipeline(first, new Writable({ write: (_chunk, _encoding, done) => done(new Error('disk full')) }));
  const silent = new PassThrough();
  second.pipe(silent);
  const rest = digest(third);
  const sending = pipeline(Readable.from(chunks), input);
  await assert.rejects(broken, /disk full/);
  second.destroy();
  await sending;
  assert.equal(await rest, whole);
});

test('the input fails when no receiver is left', async () => {
  const { input, outputs } = fanOut(2);
  for (const output of outputs) output.destroy();
  await assert.rejects(pipeline(Readable.from(chunks), input), /every receiver has failed/);
});

test('an input that breaks off is an error at every receiver', async () => {
  const { input, outputs } = fanOut(2);
  const reading = outputs.map((output) => assert.rejects(digest(output), /cut/));
  input.write(chunks[0]);
  input.destroy(new Error('cut'));
  input.on('error', () => {});
  await Promise.all(reading);
});
