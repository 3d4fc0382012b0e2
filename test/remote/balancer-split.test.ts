import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import type { Inventory } from '../../src/core/inventory.ts';
import { tableOf } from '../../src/core/routing/lanes.ts';
import type { Split } from '../../src/core/record.ts';
import { bucketsOf } from '../../src/core/split.ts';
import { Stand } from './stand.ts';

const stand = new Stand();
let shop: Inventory;
let generation = 0;

before(async () => {
  shop = await stand.app('shop', 3);
  await stand.start((text) =>
    text.replace('location / {', 'location = /arm { return 200 "[$shop_arm]"; }\n    location / {'),
  );
});
after(() => stand.close());

/** Splits the users: so many of a hundred meet only-web2, the others only-web1; 0: nobody is split. */
async function split(share: number, name = 'a canary'): Promise<void> {
  const of = { name, share } as Split;
  const table = share === 0 ? { stable: 'all' } : tableOf('only-web1', { of, canary: 'only-web2' });
  const from = generation === 0 ? 'none' : String(generation).padStart(6, '0');
  generation += 1;
  const pairs = Object.entries(table).map(([lane, group]) => `${lane}=${group}`);
  assert.deepEqual((await stand.move(shop, from, String(generation).padStart(6, '0'), ...pairs)).err, '');
}

/** How many of so many thousand requests, by users whom nobody knows, meet each arm. */
async function arms(thousands: number): Promise<{ canary: number; stable: number }> {
  const counts = { canary: 0, stable: 0 };
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = net.connect(stand.port, '127.0.0.1');
      let text = '';
      socket.on('data', (bytes) => (text += bytes.toString('latin1')));
      socket.on('error', reject);
      socket.on('close', () => {
        counts.canary += text.split('[canary]').length - 1;
        counts.stable += text.split('[stable]').length - 1;
        resolve();
      });
      const ask = 'GET /arm HTTP/1.1\r\nHost: shop.example.com\r\n';
      socket.write(`${`${ask}\r\n`.repeat(999)}${ask}Connection: close\r\n\r\n`);
    });
  for (let at = 0; at < thousands; at += 10) {
    // oxlint-disable-next-line no-await-in-loop -- ten connections at once
    await Promise.all(Array.from({ length: Math.min(10, thousands - at) }, one));
  }
  return counts;
}

for (const share of [1, 10, 33, 50])
  test(`of 100,000 users whom nobody knows ${share} % meet the canary, within the error of chance`, async () => {
    await split(share);
    const { canary, stable } = await arms(100);
    assert.equal(canary + stable, 100_000);
    const expected = share * 1000;
    const deviation = Math.sqrt((expected * (100 - share)) / 100);
    assert.ok(Math.abs(canary - expected) < 5 * deviation, `${canary} of 100,000`);
  });

test('whoever came is given a bucket to keep, and meets the same side with it; both the user and the application are told', async () => {
  await split(50);
  const buckets = new Set(bucketsOf('a canary', 50));
  for (let user = 0; user < 8; user += 1) {
    // oxlint-disable no-await-in-loop -- one user after the other
    const first = await stand.ask(shop, '/');
    const [cookie = ''] = [first.headers['set-cookie']].flat();
    const [, bucket = ''] =
      /^shop_bucket=([0-9]{2}); Path=\/; Max-Age=31536000; HttpOnly; SameSite=Lax$/.exec(cookie ?? '') ?? [];
    const arm = buckets.has(bucket) ? 'canary' : 'stable';
    assert.equal(first.headers['x-release-arm'], arm, cookie);
    for (const share of [50, 80]) {
      await split(share);
      const again = await stand.ask(shop, '/', { headers: { cookie: `shop_bucket=${bucket}` } });
      const now = new Set(bucketsOf('a canary', share)).has(bucket) ? 'canary' : 'stable';
      assert.equal(again.headers['x-release-arm'], now);
      assert.equal(again.headers['set-cookie'], undefined, 'it has one already');
      const seen = JSON.parse(again.body) as { headers: Record<string, string> };
      assert.equal(seen.headers['x-release-arm'], now);
      if (arm === 'canary') assert.equal(now, 'canary', 'who was in stays in');
    }
    await split(50);
    // oxlint-enable no-await-in-loop
  }
});

test('without a split nobody is given anything', async () => {
  await split(0);
  const { headers, body } = await stand.ask(shop, '/', { headers: { 'x-release-arm': 'canary' } });
  assert.equal(headers['set-cookie'], undefined);
  assert.equal(headers['x-release-arm'], undefined);
  assert.equal(body.includes('x-release-arm'), false);
});
