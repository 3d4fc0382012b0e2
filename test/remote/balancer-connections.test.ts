import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { after, before, test } from 'node:test';
import type { Inventory } from '../../src/core/inventory.ts';
import { run, Stand } from './stand.ts';

const stand = new Stand();
let shop: Inventory;

before(async () => {
  shop = await stand.app('shop', 2);
  await stand.start();
  await stand.move(shop, 'none', '000001', 'stable=all');
});
after(() => stand.close());

/** A port that takes one connection and leaves every other waiting for an answer to its SYN. */
async function deaf(): Promise<{ port: number; process: ChildProcess }> {
  const program =
    'import socket,sys,time\ns=socket.socket()\ns.bind(("127.0.0.1",0))\ns.listen(0)\nprint(s.getsockname()[1],flush=True)\ntime.sleep(60)';
  const child = spawn('/usr/bin/python3', ['-c', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { port: Number(line.toString()), process: child };
}

/** Connections to a port that do not come about. */
function connecting(port: number, count: number): net.Socket[] {
  return Array.from({ length: count }, () => net.connect(port, '127.0.0.1').on('error', () => {}));
}

test('connections that are being made to a backend are waited for, and named at the deadline', async () => {
  const { port, process } = await deaf();
  assert.equal((await run('awaiting', ['0', 'fail', `127.0.0.1:${port}`])).out, 'awaited 0\n');
  // The first of them is taken.
  const sockets = connecting(port, 4);
  const waiting = await run('awaiting', ['200', 'fail', '127.0.0.1:1', `127.0.0.1:${port}`, '[fd00::1]:80']);
  assert.equal(waiting.code, 1);
  assert.match(waiting.out, new RegExp(`^(connection 127.0.0.1:\\d+ 127.0.0.1:${port}\n){2,3}awaited [23]\n$`));
  assert.match(waiting.err, /^after 200 ms Nginx still tries to reach a backend/);
  assert.equal((await run('awaiting', ['200', 'proceed', `127.0.0.1:${port}`])).code, 0);
  assert.equal((await run('awaiting', ['200', 'fail', '127.0.0.1:1'])).out, 'awaited 0\n');
  setTimeout(() => sockets.forEach((socket) => socket.destroy()), 300);
  assert.equal((await run('awaiting', ['10000', 'fail', `127.0.0.1:${port}`])).code, 0);
  process.kill();
  await once(process, 'exit');
});

test('what begins to connect later is not waited for, though a neighbour is dead all the time', async () => {
  const { port, process } = await deaf();
  const earlier = connecting(port, 3);
  setTimeout(() => earlier.forEach((socket) => socket.destroy()), 400);
  const later: net.Socket[] = [];
  // Each for 300 ms, as a request that tries a dead neighbour and is passed on.
  const timer = setInterval(() => {
    const sockets = connecting(port, 1);
    later.push(...sockets);
    setTimeout(() => sockets.forEach((socket) => socket.destroy()), 300);
  }, 50);
  const begun = Date.now();
  const waited = await run('awaiting', ['10000', 'fail', `127.0.0.1:${port}`]);
  const took = Date.now() - begun;
  clearInterval(timer);
  for (const socket of later) socket.destroy();
  assert.equal(waited.code, 0, waited.err);
  // Two rounds: those of before, and those of the moment when they had gone.
  assert.ok(took > 600 && took < 5000, `${took} ms`);
  process.kill();
  await once(process, 'exit');
});

test('a quiesced balancer has no client left that was there before; one in a request is named', async () => {
  const agent = new http.Agent({ keepAlive: true });
  await Promise.all(Array.from({ length: 5 }, () => stand.ask(shop, '/', { agent })));
  const idle = await run('quiesce', ['0', String(stand.port)]);
  assert.match(idle.out, /^connections 5\n(connection .*\n){5}left 5\n$/);
  await stand.move(shop, '000001', '000002', 'stable=closing-all');
  const quiesced = run('quiesce', ['10', String(stand.port)]);
  await new Promise((resolve) => setTimeout(resolve, 150));
  await Promise.all(Array.from({ length: 5 }, () => stand.ask(shop, '/', { agent })));
  assert.equal((await quiesced).out, 'connections 5\nleft 0\n');
  agent.destroy();
  const slow = stand.ask(shop, '/slow');
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.match(
    (await run('quiesce', ['0', String(stand.port)])).out,
    /^connections 1\nconnection 127.0.0.1:\d+ 127.0.0.1:\d+\nleft 1\n$/,
  );
  await slow;
  assert.match((await run('quiesce', ['0', String(stand.port), '1'])).out, /left 0\n$/);
});
