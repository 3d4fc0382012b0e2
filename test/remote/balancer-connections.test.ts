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

test('connections that wait for a backend are seen, and waited for', async () => {
  const { port, process } = await deaf();
  assert.equal((await run('awaiting', ['0', `127.0.0.1:${port}`])).out, 'awaiting 0\n');
  const sockets = Array.from({ length: 3 }, () => net.connect(port, '127.0.0.1').on('error', () => {}));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const waiting = await run('awaiting', ['0', `127.0.0.1:${port}`, '[fd00::1]:80']);
  assert.equal(waiting.code, 1);
  assert.match(
    waiting.out,
    new RegExp(`^connection 127.0.0.1:\\d+ 127.0.0.1:${port}\n(connection .*\n)*awaiting [12]\n$`),
  );
  assert.equal((await run('awaiting', ['0', '127.0.0.1:1'])).code, 0);
  setTimeout(() => sockets.forEach((socket) => socket.destroy()), 300);
  assert.equal((await run('awaiting', ['10', `127.0.0.1:${port}`])).code, 0);
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
