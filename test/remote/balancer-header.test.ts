import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { Inventory } from '../../src/core/inventory.ts';
import { tableOf } from '../../src/core/routing/lanes.ts';
import type { Split } from '../../src/core/record.ts';
import { backendOf, run, Stand, until } from './stand.ts';

const SECRET = 'Kq3-_xN8aa71BvTz0p';

const stand = new Stand();
let shop: Inventory;
let generation = 0;

before(async () => {
  stand.secret = SECRET;
  shop = await stand.app('shop', 3, {}, { header: { name: 'X-Canary', secret_file: 'canary.secret' } });
  await stand.start();
});
after(() => stand.close());

/** web2 is the canary for so many of a hundred, web1 the baseline; undefined: web1 alone serves. */
async function split(share: number | undefined, paused = false): Promise<void> {
  const of = { name: 'a canary', share, ...(paused ? { paused } : {}) } as Split;
  const table = share === undefined ? { stable: 'only-web1' } : tableOf('only-web1', { of, canary: 'only-web2' });
  const from = generation === 0 ? 'none' : String(generation).padStart(6, '0');
  generation += 1;
  const pairs = Object.entries(table).map(([lane, group]) => `${lane}=${group}`);
  assert.deepEqual((await stand.move(shop, from, String(generation).padStart(6, '0'), ...pairs)).err, '');
}

const ask = async (value: string | undefined, cookie?: string) => {
  const answer = await stand.ask(shop, '/', {
    headers: { ...(value === undefined ? {} : { 'x-canary': value }), ...(cookie === undefined ? {} : { cookie }) },
  });
  return {
    arm: answer.headers['x-release-arm'],
    cookie: answer.headers['set-cookie'],
    backend: backendOf(answer),
    body: answer.body,
  };
};

test('whoever knows the secret chooses the side, is given no cookie, and the application is not told the secret', async () => {
  await split(1);
  for (let time = 0; time < 20; time += 1) {
    // oxlint-disable no-await-in-loop -- one after the other
    const there = await ask(SECRET);
    assert.deepEqual([there.arm, there.backend, there.cookie], ['canary', 'shop-web2', undefined]);
    const back = await ask(`stable ${SECRET}`, 'shop_bucket=00');
    assert.deepEqual([back.arm, back.backend, back.cookie], ['stable', 'shop-web1', undefined]);
    assert.equal(`${there.body}${back.body}`.includes(SECRET), false);
    // oxlint-enable no-await-in-loop
  }
});

test('a wrong value has no effect, however near it is', async () => {
  await split(1);
  const { arm, cookie } = await ask(undefined);
  assert.ok(arm !== undefined && cookie !== undefined, 'without it a user is split, and given a bucket');
  const bucket = `shop_bucket=${[...Array(100).keys()].map((at) => String(at).padStart(2, '0')).find((at) => !(at in tableOf('a', { of: { name: 'a canary', share: 1 } as Split, canary: 'b' })))}`;
  for (const wrong of [
    'canary',
    'stable',
    'on',
    '',
    '.*',
    '$shop_bucket',
    SECRET.toLowerCase(),
    SECRET.slice(1),
    SECRET.slice(0, -1),
    `${SECRET}x`,
    `x${SECRET}`,
    `${SECRET} canary`,
    `canary ${SECRET}`,
    `stable  ${SECRET}`,
    `${SECRET}, ${SECRET}`,
  ]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const seen = await ask(wrong, bucket);
    assert.deepEqual([seen.arm, seen.backend], ['stable', 'shop-web1'], wrong);
  }
});

test('while nobody else is sent there it still chooses; without a canary it leads where all go, never to a host that is out', async () => {
  await split(10, true);
  assert.equal((await ask(SECRET)).backend, 'shop-web2');
  await split(undefined);
  for (const value of [SECRET, `stable ${SECRET}`, undefined]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const seen = await ask(value);
    assert.deepEqual([seen.arm, seen.backend, seen.cookie], [undefined, 'shop-web1', undefined]);
  }
});

test('the access log tells that a request chose for itself, and never by what', async () => {
  await split(50);
  await ask(SECRET);
  await ask(`stable ${SECRET}`);
  await ask('not it');
  const log = (): string => readFileSync(shop.nginx.access_log, 'utf8');
  await until(() => log().includes('"lane":"stable"'));
  assert.match(log(), /"lane":"canary"/);
  assert.equal(log().includes(SECRET), false);
  assert.equal(readFileSync(`${stand.folder}/error.log`, 'utf8').includes(SECRET), false);
});

test('the file with the secret is written so that others on the host can not read it', async () => {
  const former = readFileSync(shop.nginx.file, 'utf8');
  const sum = createHash('sha256').update(former).digest('hex');
  stand.secret = 'another-secret-of-32-characters_';
  const text = stand.configuration(shop);
  stand.secret = SECRET;
  const args = ['install', shop.nginx.file, shop.nginx.test, sum, stand.pidFile, '640'];
  const { code, err } = await run('configuration', [...stand.fence(shop), ...args], text);
  assert.deepEqual([code, err], [0, '']);
  assert.equal((statSync(shop.nginx.file).mode & 0o777).toString(8), '640');
  assert.equal(readFileSync(shop.nginx.file, 'utf8'), text);
});
