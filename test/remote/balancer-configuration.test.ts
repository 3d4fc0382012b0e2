import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseBalancerFacts } from '../../src/core/balancer-facts.ts';
import type { Inventory } from '../../src/core/inventory.ts';
import { declaredGroups } from '../../src/core/routing/groups.ts';
import { verifyGroups } from '../../src/core/routing/verify.ts';
import { backendOf, run, Stand, until } from './stand.ts';

const stand = new Stand();
let shop: Inventory;

before(async () => {
  shop = await stand.app('shop', 3);
  await stand.start();
  await stand.move(shop, 'none', '000001', 'stable=all');
});
after(() => stand.close());

const sum = (text: string): string => createHash('sha256').update(text).digest('hex');
const file = (): string => readFileSync(shop.nginx.file, 'utf8');
const install = (text: string, expected: string, command = shop.nginx.test) =>
  run('configuration', [...stand.fence(shop), 'install', shop.nginx.file, command, expected, stand.pidFile], text);
const more = (): string => stand.configuration(shop, declaredGroups(shop).slice(0, 4));
const served = async (): Promise<string> =>
  (JSON.parse((await stand.status('/', shop)) ?? '{}') as { configuration: string }).configuration;
const reload = (command = shop.nginx.reload, seconds = '5') =>
  run('reload', [...stand.fence(shop), command, seconds, stand.pidFile]);
const observe = async (known = '-') => {
  const { out } = await run('observe-balancer', [shop.nginx.folder, shop.nginx.file, known, stand.pidFile]);
  return { out, facts: parseBalancerFacts(out, 'known text') };
};

test('a new text is put in place tested, and is live when the workers are new ones', async () => {
  const former = file();
  const text = more();
  const installed = await install(text, sum(former));
  assert.deepEqual([installed.code, installed.out, installed.err], [0, `installed ${sum(text)}\n`, '']);
  assert.equal(file(), text);
  assert.ok((await observe()).facts.former);
  assert.notEqual(await served(), /"configuration":"(\w+)"/.exec(text)?.[1]);
  const old = (await observe()).facts.workers.map(({ pid }) => pid);
  assert.equal(old.length, 2);
  const reloaded = await reload();
  assert.match(reloaded.out, /^reloaded \d+\nending \d\n$/, reloaded.err);
  assert.equal(await served(), /"configuration":"(\w+)"/.exec(text)?.[1]);
  const now = (await observe()).facts.workers.filter(({ ending }) => !ending).map(({ pid }) => pid);
  assert.equal(now.length, 2);
  assert.ok(now.every((pid) => !old.includes(pid)));
  assert.equal((await run('configuration', [...stand.fence(shop), 'keep', shop.nginx.file])).out, 'kept\n');
  assert.equal((await observe()).facts.former, false);
  assert.deepEqual(verifyGroups((await observe()).facts.text ?? '', shop, declaredGroups(shop).slice(0, 4)), []);
});

test('it can be taken back, for another balancer failed', async () => {
  const former = file();
  await install(stand.configuration(shop), sum(former));
  assert.notEqual(file(), former);
  const restored = await run('configuration', [...stand.fence(shop), 'restore', shop.nginx.file, shop.nginx.test]);
  assert.equal(restored.out, `restored ${sum(former)}\n`);
  assert.equal(file(), former);
  assert.deepEqual(readdirSync(join(stand.folder, 'conf')), ['shop.conf']);
});

test('what is there already is the same; what was not observed is left alone', async () => {
  const former = file();
  assert.equal((await install(former, 'none')).out, `same ${sum(former)}\n`);
  const moved = await install(stand.configuration(shop), sum('another'));
  assert.equal(moved.code, 77);
  assert.equal(file(), former);
  assert.deepEqual(readdirSync(join(stand.folder, 'conf')), ['shop.conf']);
});

test('a text that is wrong by itself never comes near the Nginx that serves', async () => {
  const former = file();
  const asked = join(stand.folder, 'asked');
  const bad = await install('upstream x { server 10.0.0.1:1; ', sum(former), `touch ${asked}; ${shop.nginx.test}`);
  assert.equal(bad.code, 78);
  assert.match(bad.err, /unexpected end of file/);
  assert.equal(existsSync(asked), false);
  assert.equal(file(), former);
  assert.equal((await install('', sum(former))).code, 78);
});

test('a text that the whole Nginx refuses is taken back, though the script is ended in the middle', async () => {
  const former = file();
  // The site needs a variable that this text does not have.
  const bad = await install('upstream shop-all { server 127.0.0.1:1; }\n', sum(former));
  assert.equal(bad.code, 1);
  assert.match(bad.err, /unknown "shop_\w+" variable|unknown log format/);
  assert.equal(file(), former);
  const killed = await install(stand.configuration(shop), sum(former), 'kill -TERM $PPID; sleep 0.2');
  assert.notEqual(killed.code, 0);
  assert.equal(file(), former);
  assert.deepEqual(readdirSync(join(stand.folder, 'conf')), ['shop.conf']);
});

test('a text is sent only to whom has not got it', async () => {
  const { out, facts } = await observe(sum(file()));
  assert.doesNotMatch(out, /^text/m);
  assert.equal(facts.text, 'known text');
  assert.equal(facts.nginx, /version ([\d.]+)/.exec(out)?.[1]);
  assert.ok(facts.master! > 0);
});

test('a reload that does not happen is seen', async () => {
  const idle = await reload('true', '1');
  assert.equal(idle.code, 1);
  assert.match(idle.err, /2 workers of before still serve, and 0 new ones of 2: the reload failed/);
  assert.equal((await reload('echo no right >&2; exit 1')).code, 1);
  writeFileSync(`${stand.pidFile}.oldbin`, '1');
  assert.equal((await reload()).code, 78);
  assert.equal((await install(more(), 'none')).code, 78);
  assert.ok((await observe()).facts.upgrading);
  rmSync(`${stand.pidFile}.oldbin`);
});

test('a worker that still serves a long request is ending, and does not hold the proof', async () => {
  // Longer than the reload and its proof take on a busy machine.
  const slow = stand.ask(shop, '/?wait=3000');
  await until(() => stand.tellers.some(({ seen }) => seen.some(({ url }) => url.includes('wait=3000'))));
  const reloaded = await reload();
  // The other one may need a moment to end, too.
  assert.match(reloaded.out, /^reloaded \d+\nending [12]$/m, reloaded.err);
  assert.equal((await slow).status, 200);
  await until(async () => (await observe()).facts.workers.every(({ ending }) => !ending));
  assert.match(backendOf(await stand.ask(shop, '/')), /^shop-/);
});

test('a reload that was proved is not made again for the same text, while its workers serve', async () => {
  const loading = () => run('reload', [...stand.fence(shop), shop.nginx.reload, '20', stand.pidFile, shop.nginx.file]);
  assert.match((await loading()).out, /^reloaded \d+\n/);
  assert.match((await loading()).out, /^loaded already\nending \d\n$/);
  writeFileSync(shop.nginx.file, `${file()}# edited\n`);
  assert.match((await loading()).out, /^reloaded \d+\n/);
  // By somebody else: what they loaded is not known.
  await reload(shop.nginx.reload, '20');
  assert.match((await loading()).out, /^reloaded \d+\n/);
});

test('a text that is there already, of an install that was cut before its test, is tested all the same', async () => {
  const former = file();
  const bad = 'upstream shop-all { server 127.0.0.1:1; }\n';
  writeFileSync(`${shop.nginx.file}.former`, former);
  writeFileSync(shop.nginx.file, bad);
  assert.equal((await install(bad, sum(former))).code, 1);
  assert.equal(file(), former);
});
