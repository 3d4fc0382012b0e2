import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { addressOf, listeningOn } from './load/address.ts';
import { reset, startDelayProxy } from './load/delay-proxy.ts';

const delay = 30;

/** A server behind a delaying proxy, a client through it, and the server's end of that connection. */
async function through(t: TestContext): Promise<{ near: Socket; far: Socket }> {
  const server: Server = createServer({ allowHalfOpen: true });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const to = listeningOn(server);
  const proxy = await startDelayProxy({ to, delay });
  const near = connect({ ...addressOf(proxy.address), allowHalfOpen: true });
  const far = await new Promise<Socket>((resolve) => server.once('connection', resolve));
  t.after(async () => {
    near.destroy();
    far.destroy();
    server.close();
    await proxy.close();
  });
  return { near, far };
}

test('bytes come later, whole and in order, in both directions', async (t) => {
  const { near, far } = await through(t);
  far.pipe(far);
  const sent = Buffer.from(Uint8Array.from({ length: 3 << 20 }, (_, at) => at % 251));
  const began = performance.now();
  near.write('x');
  await once(near, 'data');
  const took = performance.now() - began;
  assert.ok(took >= 2 * delay - 2, `${took} ms there and back`);
  near.end(sent);
  assert.deepEqual(await buffer(near), sent);
});

test('a half-close arrives after what was said before it, and leaves the other direction open', async (t) => {
  const { near, far } = await through(t);
  let asked = '';
  far.on('data', (bytes: Buffer) => (asked += bytes.toString()));
  near.end('question');
  await once(far, 'end');
  assert.equal(asked, 'question');
  far.end('answer');
  assert.equal((await buffer(near)).toString(), 'answer');
});

test('a reset arrives as a reset, after the bytes before it', async (t) => {
  const { near, far } = await through(t);
  let got = '';
  near.on('data', (bytes: Buffer) => (got += bytes.toString()));
  far.write('last words');
  setTimeout(() => far.resetAndDestroy(), 5);
  await assert.rejects(once(near, 'close'), { code: 'ECONNRESET' });
  assert.equal(got, 'last words');
});

test('a server that is not there resets the client', async () => {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const to = listeningOn(server);
  server.close();
  const proxy = await startDelayProxy({ to, delay });
  const near = connect({ ...addressOf(proxy.address) });
  await assert.rejects(once(near, 'close'), /ECONNRESET/);
  await proxy.close();
});

test('a reset in the same moment as an end closes the socket for good', () => {
  // In a process of its own: what is left open burns a core at its end, and it never ends.
  const script = `
    import { connect, createServer } from 'node:net';
    const reset = ${reset.toString()};
    const server = createServer((socket) => {
      socket.on('error', () => {}).end();
      reset(socket);
      server.close();
    });
    server.listen(0, '127.0.0.1', () => connect(server.address().port, '127.0.0.1').on('error', () => {}).resume());
  `;
  const ended = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 20_000,
    encoding: 'utf8',
  });
  assert.deepEqual([ended.status, ended.stderr], [0, '']);
});
