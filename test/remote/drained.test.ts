import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, run } from './stand.ts';

/** A server that answers nothing, and connections to it that are established. */
async function withServer(
  use: (port: number, open: () => Promise<Socket>, server: Server) => Promise<void>,
): Promise<void> {
  const port = await freePort();
  const held: Socket[] = [];
  const server = createServer((socket) => void held.push(socket.on('error', () => undefined)));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const open = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    held.push(socket);
    await once(socket, 'connect');
    return socket;
  };
  try {
    await use(port, open, server);
  } finally {
    for (const socket of held) socket.destroy();
    server.close();
  }
}

const drained = (port: number, deadline: number, onDeadline = 'fail') =>
  run('drained', [String(port), String(deadline), onDeadline]);

test('nothing there is drained after two looks 200 ms apart', () =>
  withServer(async (port) => {
    const begun = Date.now();
    const ended = await drained(port, 5000);
    // How much more than 200 is the machine's business.
    assert.match(ended.out, /^drained after [2-9]\d\d ms \(0 connections at first\)\n$/);
    assert.ok(Date.now() - begun >= 200);
  }));

test('a silent connection is waited for, also one from loopback', () =>
  withServer(async (port, open) => {
    const socket = await open();
    const ending = drained(port, 5000);
    await sleep(500);
    socket.destroy();
    const ended = await ending;
    const [, ms] = /^drained after (\d+) ms \(1 connections at first\)$/m.exec(ended.out) ?? [];
    assert.ok(Number(ms) >= 600, ended.out);
  }));

test('a connection that comes between the two looks begins the wait anew', () =>
  withServer(async (port, open) => {
    const ending = drained(port, 5000);
    await sleep(130);
    const socket = await open();
    await sleep(300);
    socket.destroy();
    const [, ms] = /^drained after (\d+) ms/.exec((await ending).out) ?? [];
    assert.ok(Number(ms) >= 500, ms);
  }));

test('at the deadline each peer is named, with the age of its oldest; a connection elsewhere does not count', () =>
  withServer(async (port, open) => {
    await withServer(async (_, elsewhere) => {
      await elsewhere();
      await Promise.all([open(), open(), open()]);
      const failed = await drained(port, 700);
      assert.equal(failed.code, 1);
      assert.match(
        failed.out,
        new RegExp(`^127\\.0\\.0\\.1 still has 3 connections to port ${port}, the oldest seen for \\d\\.\\d s\n$`),
      );
      assert.equal(failed.err, 'not drained within 700 ms\n');
      const proceeds = await drained(port, 100, 'proceed');
      assert.equal(proceeds.code, 0);
      assert.match(proceeds.out, /still has 3 connections.*\nnot drained within 100 ms: the restart goes on/);
    });
  }));

test('what waits in the listen backlog counts', async () => {
  const port = await freePort();

  const program = `import socket,sys;s=socket.socket();s.bind(('127.0.0.1',${port}));s.listen(8);print('up',flush=True);sys.stdin.read()`;
  const server = spawn('/usr/bin/python3', ['-c', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const gone = once(server, 'exit');
  await once(server.stdout, 'data');
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
  const ended = await drained(port, 300);
  assert.equal(ended.code, 1, ended.out);
  socket.destroy();
  server.stdin.end();
  await gone;
});
