import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdirSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Inventory } from '../../src/core/inventory.ts';
import { readLogTail } from '../../src/core/routing/foreign.ts';
import { ask, backendOf, run, Stand, until } from './stand.ts';

const stand = new Stand();
let shop: Inventory;
let blog: Inventory;

before(async () => {
  shop = await stand.app('shop', 3);
  blog = await stand.app('blog', 2);
  await stand.start((text, { app }) =>
    // Planted: a location with a root of its own is outside the routing.
    app === 'blog'
      ? text.replace('location / {', 'location /old/ { root /srv; proxy_pass http://$blog_upstream; }\n location / {')
      : text,
  );
});
after(() => stand.close());

test('the first request after the rename goes where the generation says, on every worker and kept-alive connection', async () => {
  assert.deepEqual((await stand.move(shop, 'none', '000001', 'stable=all')).err, '');
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  const groups = ['only-web1', 'only-web2', 'only-web3'];
  let from = '000001';
  for (let number = 2; number < 14; number += 1) {
    const to = String(number).padStart(6, '0');
    const group = groups[number % 3]!;
    const moved = await stand.move(shop, from, to, `stable=${group}`);
    assert.equal(moved.out, `live ${to}\n`, moved.err);
    const answers = await Promise.all(Array.from({ length: 16 }, () => stand.ask(shop, '/', { agent })));
    for (const answer of answers) assert.equal(`only-${backendOf(answer).slice(5)}`, group);
    assert.equal(await stand.status('/generation', shop), `${shop.nginx.folder}/generations/${to}/self`);
    from = to;
  }
  agent.destroy();
});

test('what is out gets nothing, the others share', async () => {
  await stand.move(shop, '000013', '000014', 'stable=out-web2');
  const answers = await Promise.all(Array.from({ length: 12 }, () => stand.ask(shop, '/')));
  assert.deepEqual([...new Set(answers.map(backendOf))].toSorted(), ['shop-web1', 'shop-web3']);
});

test('a lane of its own: the cookie chooses the bucket', async () => {
  await stand.move(shop, '000014', '000015', 'stable=only-web1', '07=only-web2');
  const lane = async (cookie: string): Promise<string> =>
    backendOf(await stand.ask(shop, '/', { headers: { cookie } }));
  assert.equal(await lane('shop_bucket=07'), 'shop-web2');
  assert.equal(await lane('shop_bucket=08'), 'shop-web1');
  assert.ok(['shop-web1', 'shop-web2'].includes(await lane('shop_bucket=../07')));
  await stand.move(shop, '000015', '000016', 'stable=all');
});

test('method, address, body and the host pass as they came', async () => {
  const path = '/a%20b/%2F%2e/../c//d?x=%00&y=ä'.replace('ä', '%C3%A4');
  const answer = await stand.ask(shop, path, { method: 'POST', body: 'x'.repeat(100_000) });
  const seen = JSON.parse(answer.body) as {
    url: string;
    method: string;
    length: number;
    headers: Record<string, string>;
  };
  assert.deepEqual(
    [seen.url, seen.method, seen.length, seen.headers['host']],
    [path, 'POST', 100_000, 'shop.example.com'],
  );
  const arm = await stand.ask(shop, '/', { headers: { 'x-release-arm': 'canary' } });
  assert.equal(arm.body.includes('x-release-arm'), false);
});

test('a link that leads nowhere, or where it should not, falls to all', async () => {
  const live = join(shop.nginx.folder, 'live');
  const stable = join(shop.nginx.folder, 'generations/000016/stable');
  const odd = join(shop.nginx.folder, 'groups', 'out-web1;{$host}');
  mkdirSync(odd);
  for (const target of ['../../groups/gone', odd, '../../groups/closing-', '/', '/etc']) {
    unlinkSync(stable);
    symlinkSync(target, stable);
    const answers = await Promise.all(Array.from({ length: 6 }, () => stand.ask(shop, '/')));
    assert.deepEqual([...new Set(answers.map(backendOf))].toSorted(), ['shop-web1', 'shop-web2', 'shop-web3'], target);
  }
  rmSync(odd, { recursive: true });
  unlinkSync(stable);
  symlinkSync('../../groups/all', stable);
  // A right that is missing.
  chmodSync(join(shop.nginx.folder, 'generations'), 0o700);
  assert.equal((await stand.ask(shop, '/')).status, 200);
  chmodSync(join(shop.nginx.folder, 'generations'), 0o711);
  assert.match((await stand.status('/', shop)) ?? '', /groups\/all"}$/);
  unlinkSync(live);
  assert.equal((await stand.ask(shop, '/')).status, 200);
  symlinkSync('generations/000016', live);
});

test('two apps on one Nginx: each has its own routing and its own status', async () => {
  await stand.move(blog, 'none', '000001', 'stable=out-web1');
  assert.equal(backendOf(await stand.ask(blog, '/')), 'blog-web2');
  assert.match(backendOf(await stand.ask(shop, '/')), /^shop-/);
  const told = JSON.parse((await stand.status('/', blog)) ?? '') as Record<string, string>;
  assert.deepEqual([told['app'], told['stable']], ['blog', `${blog.nginx.folder}/groups/out-web1`]);
  assert.match(stand.configuration(blog), new RegExp(`"configuration":"${told['configuration']}"`));
});

test('the closing twins end the connection with each answer, static files too', async () => {
  writeFileSync(join(stand.folder, 'static', 'app.0123456789ab.css'), 'body{}');
  writeFileSync(join(stand.folder, 'static', 'plain.css'), 'b{}');
  const agent = new http.Agent({ keepAlive: true });
  for (const closing of [false, true]) {
    const [from, to] = closing ? ['000016', '000017'] : ['000016', '000016'];
    if (closing) await stand.move(shop, from, to, 'stable=closing-only-web2');
    const posted = await stand.ask(shop, '/form', { agent, method: 'POST', body: 'abc' });
    for (const [path, length] of [
      ['/static/app.0123456789ab.css', '6'],
      ['/static/plain.css', '3'],
    ] as const) {
      const file = await stand.ask(shop, path, { agent });
      assert.deepEqual([file.status, file.headers['content-length']], [200, length], path);
      assert.equal(file.headers.connection, closing ? 'close' : 'keep-alive', path);
    }
    assert.equal(posted.headers.connection, closing ? 'close' : 'keep-alive');
    assert.match(posted.body, /"url":"\/form","length":3/);
    if (closing) assert.equal(backendOf(posted), 'shop-web2');
  }
  assert.equal((await stand.ask(shop, '/.shop-closing/static/plain.css')).status, 404);
  agent.destroy();
  await stand.move(shop, '000017', '000018', 'stable=only-web1');
  const hashed = await stand.ask(shop, '/static/app.0123456789ab.css');
  assert.match(hashed.headers['cache-control'] ?? '', /immutable/);
});

test('a slow upload goes to the group that serves when its body has come', async () => {
  const socket = net.connect(stand.port, '127.0.0.1');
  socket.write('POST /upload HTTP/1.1\r\nHost: shop.example.com\r\nContent-Length: 6\r\nConnection: close\r\n\r\nabc');
  await new Promise((resolve) => setTimeout(resolve, 200));
  await stand.move(shop, '000018', '000019', 'stable=only-web3');
  socket.write('def');
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await once(socket, 'close');
  assert.match(text, /"backend":"shop-web3".*"length":6/);
});

test('an attempt at a dead backend is tried elsewhere, and one error does not close the site', async () => {
  await stand.move(shop, '000019', '000020', 'stable=all');
  const failing = await stand.ask(shop, '/?status=503');
  assert.equal(failing.status, 503);
  const answers = await Promise.all(Array.from({ length: 9 }, () => stand.ask(shop, '/')));
  assert.ok(answers.every(({ status }) => status === 200));
});

const tail = async (inventory: Inventory, since = '0') =>
  readLogTail((await run('log-tail', [inventory.nginx.access_log, '1000', since])).out, inventory);

test('the access log names a location outside the routing, and none inside', async () => {
  await stand.ask(blog, '/old/page');
  await stand.ask(blog, '/');
  await until(async () => (await run('log-tail', [blog.nginx.access_log, '100', '0'])).out.includes('/old/page'));
  assert.deepEqual((await tail(shop)).foreign, []);
  assert.ok((await tail(shop)).lines > 100);
  assert.deepEqual(
    (await tail(blog)).foreign.map(({ passes, uri }) => `${passes} ${uri}`),
    ['blog-all /old/page'],
  );
  const { out } = await run('log-tail', [shop.nginx.access_log, '1', '0']);
  assert.equal(readLogTail(out, shop, new Set(['all'])).foreign.length, 0);
  assert.equal(readLogTail(out, shop, new Set(['out-web1'])).foreign.length, 1);
  assert.deepEqual((await tail(shop, String(Date.now() / 1000 + 5))).lines, 0);
});

test('the status server is not for others', async () => {
  const port = Number(shop.nginx.status.split(':')[1]);
  assert.equal(
    (await ask(port, { path: '/generation', headers: { host: 'orchestrate-blog' } })).body.includes('/blog/'),
    true,
  );
});
