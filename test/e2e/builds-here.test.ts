import assert from 'node:assert/strict';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DATABASE } from '../fleet/fleet.ts';
import { WHEELS } from '../fleet/hosts/base.ts';
import { run, type Ran } from '../fleet/hosts/shell.ts';
import { assertNothingLost, setScene, type Scene } from './scene.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src/main.ts');

// `build.builder: local`: the operator’s machine has a folder of its own where the backends have theirs, and reaches the database.
describe('a release that the operator’s own machine builds', () => {
  let scene: Scene;
  let srv: string;
  before(async () => {
    scene = await setScene({ name: 'e-local', balancers: 1, backends: 2 }, null);
    await scene.configure({ build: { builder: 'local' } });
    srv = join(scene.fleet.state, 'operator', 'srv');
    await mkdir(srv);
  });
  after(async () => {
    await scene.end();
    await rm(srv, { recursive: true, force: true });
  });

  const orchestrate = (...args: string[]): Promise<Ran> => {
    const environment = [
      'SSH_AUTH_SOCK=',
      `XDG_CACHE_HOME=${join(scene.fleet.state, 'operator', 'cache')}`,
      `NODE_COMPILE_CACHE=${join(tmpdir(), 'orchestrate-compiled')}`,
      'PIP_NO_INDEX=1',
      `PIP_FIND_LINKS=${WHEELS}`,
    ];
    const program = [process.execPath, MAIN, '-i', scene.inventoryFile, ...args];
    const mounted = 'mount --bind "$0" /srv && exec "$@"';
    return run('/usr/bin/unshare', ['-m', 'sh', '-c', mounted, srv, 'env', ...environment, ...program]);
  };
  const expect = async (code: number, ...args: string[]): Promise<string> => {
    const ran = await orchestrate(...args);
    const said = `${ran.stdout}\n${ran.stderr}`;
    assert.equal(ran.code, code, `${args.join(' ')}\n${said}`);
    return said;
  };
  const releases = async (folder: string): Promise<string[]> =>
    (await readdir(folder)).filter((name) => /^\d{8}-/.test(name)).toSorted();
  const onBackend = async (name: string): Promise<string[]> =>
    (await scene.fleet.sh(name, 'ls /srv/www/shop')).split('\n').filter((each) => /^\d{8}-/.test(each));

  test('what it needs is told; then it is rolled, rolled back and rolled again under load, and nothing is lost', async (t) => {
    // Root may make the folder here.
    assert.match(
      await expect(0, 'check'),
      /this machine[^]*\/srv\/www\/shop is not there, and root can make it[^]*there is no \S+shared\/env/,
    );
    assert.match(
      await expect(0, 'init', '--print', 'steps'),
      /On this machine, which builds[^]*-o ME \/srv\/www\/shop/,
    );

    const shared = join(srv, 'www/shop/shared');
    await mkdir(shared, { recursive: true });
    const env = { ...DATABASE, PGHOST: scene.fleet.address, DJANGO_SETTINGS_MODULE: 'shop.settings' };
    const own = await scene.fleet.sh('web1', 'cat /srv/www/shop/shared/env');
    await writeFile(
      join(shared, 'env'),
      own === ''
        ? Object.entries(env)
            .map(([key, value]) => `${key}=${value}\n`)
            .join('')
        : own,
      { mode: 0o600 },
    );
    assert.match(await expect(0, 'check'), /Nothing is missing/);
    assert.match(await expect(0, 'plan', '--ref', 'v1'), /build \S+ once, on local/);

    await expect(0, 'roll', '--ref', 'v1', '--yes');
    const [v1 = ''] = await releases(join(srv, 'www/shop'));
    const { report } = await scene.underLoad(async () => {
      await expect(0, 'roll', '--ref', 'v2', '--yes');
      const both = await releases(join(srv, 'www/shop'));
      assert.equal(both.length, 2);
      for (const { name } of scene.fleet.backends) assert.deepEqual(await onBackend(name), both);
      const { backends, drift } = await scene.status();
      assert.deepEqual(drift, []);
      assert.deepEqual(new Set(backends.map(({ running }) => running)), new Set(both.filter((each) => each !== v1)));
      await expect(0, 'rollback', '--yes');
      assert.equal((await scene.status()).backends[0]?.running, v1);
      // What is built is not built again.
      assert.doesNotMatch(await expect(0, 'roll', '--ref', 'v2', '--yes'), /build \S+ once/);
    });
    assertNothingLost(report);
    t.diagnostic(`${report.sent} requests`);
    const bad = await expect(1, 'roll', '--ref', 'bad-import', '--yes');
    assert.match(bad, /local/);
    await expect(0, 'prune', '--yes');
  });
});
