import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from '../fleet/hosts/shell.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');

test('check tells what the inventory may say and seldom means, with its place', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'orchestrate-check-'));
  const file = join(folder, 'inventory.yaml');
  // Nothing listens on these.
  await writeFile(
    file,
    `app: shop
balancers: { lb1: { address: 127.0.0.250 } }
backends: { web1: { address: 127.0.0.251 }, web2: { address: 127.0.0.252 } }
release: { root: /srv/www/shop }
service: { name: shop, slots: [8000, 8001], linger: 48h }
health: { host: shop.example.com }
ssh: { connect_timeout: 1s, user: nobody, port: 9 }
`,
  );
  try {
    const { code, stdout } = await run(process.execPath, [MAIN, '-i', file, 'check']);
    assert.equal(code, 3, stdout);
    assert.match(stdout, /note +\S+inventory\.yaml:5:\d+ +service\.linger: is longer than a day: /);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
