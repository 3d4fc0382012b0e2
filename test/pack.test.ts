import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { must, run, type Ran } from './fleet/hosts/shell.ts';

const ROOT = join(import.meta.dirname, '..');

/** Nobody listens on port 1. */
const INVENTORY = `
app: shop
ssh: { user: deploy, port: 1, config: false }
balancers: { lb1: { address: 127.0.0.1 } }
backends: { web1: { address: 127.0.0.2 } }
release: { root: /srv/www/shop }
service: { name: shop }
health: { host: shop.example.com }
`;

describe('the package', () => {
  let folder: string;
  let installed: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'orchestrate-pack-'));
    await must('npm', ['pack', '--silent', '--prefix', ROOT, '--pack-destination', folder, ROOT]);
    const [tarball = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'));
    await writeFile(join(folder, 'package.json'), '{"private":true}');
    await must('npm', [
      'install',
      '--prefix',
      folder,
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      '--silent',
      join(folder, tarball),
    ]);
    installed = join(folder, 'node_modules', 'orchestrate');
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const orchestrate = (...args: string[]): Promise<Ran> =>
    // With this Node, wherever the system's own stands.
    run(process.execPath, [join(folder, 'node_modules', '.bin', 'orchestrate'), ...args]);

  test('tells its version', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    assert.deepEqual(await orchestrate('--version'), { code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('checks a fleet that is not there', async () => {
    const inventory = join(folder, 'inventory.yaml');
    await writeFile(inventory, INVENTORY);
    const { code, stdout, stderr } = await orchestrate('-i', inventory, 'check');
    assert.equal(code, 3, stderr);
    assert.match(stdout, /lb1 \(127\.0\.0\.1 port 1\) refused the connection/);
    assert.match(stdout, /web1 \(127\.0\.0\.2 port 1\) refused the connection/);
    assert.match(stdout, /Nothing was changed/);
  });

  test('writes an inventory with its own templates', async () => {
    const inventory = join(folder, 'new.yaml');
    const flags = [
      '--app',
      'shop',
      '--balancers',
      'lb1=10.0.0.10',
      '--backends',
      'web[1-2]=10.0.0.[11-12]',
      '--host',
      'shop.example.com',
    ];
    const { code, stderr } = await orchestrate('-i', inventory, 'init', ...flags);
    assert.equal(code, 0, stderr);
    const site = await orchestrate('-i', inventory, 'init', '--print', 'site');
    assert.match(site.stdout, /root \/var\/lib\/orchestrate\/shop\/live\/\$shop_lane;/);
  });

  test('has every script that runs on hosts, every template and the texts, and no sources', async () => {
    assert.deepEqual(
      (await readdir(join(installed, 'dist/remote'))).toSorted(),
      (await readdir(join(ROOT, 'src/remote'))).toSorted(),
    );
    assert.deepEqual(
      (await readdir(join(installed, 'templates'))).toSorted(),
      (await readdir(join(ROOT, 'templates'))).toSorted(),
    );
    const files = await readdir(installed, { recursive: true });
    for (const text of [
      'README.md',
      'CHANGELOG.md',
      'SECURITY.md',
      'LICENSE',
      'inventory.yaml',
      'docs/architecture.md',
    ])
      assert.ok(files.includes(text), text);
    assert.deepEqual(
      files.filter((file) => file.endsWith('.ts') && !file.startsWith('node_modules')),
      [],
    );
  });
});
