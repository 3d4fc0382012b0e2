import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { DATABASE } from '../fleet/fleet.ts';
import { pause, setScene, type Ran, type Scene } from './scene.ts';

/** What stands in the environment of the application on these hosts (test/fleet/fleet.ts). */
const SECRETS = [DATABASE.PGPASSWORD, 'not so secret: a test'];
/** Cut in two, so that no command line of this test's own holds them. */
const PATTERNS = SECRETS.map((secret) => `${secret.slice(0, 4)}[${secret[4] ?? ''}]${secret.slice(5)}`);

const telling = (text: string): string[] => SECRETS.filter((secret) => text.includes(secret));

describe('the secrets of the environment file', () => {
  let scene: Scene;
  before(async () => {
    scene = await setScene({ name: 'secrets', balancers: 1, backends: 2 }, null);
  });
  after(() => scene.end());

  test('are on no command line, in no output, and in no file but their own, while a roll runs', async (t) => {
    const ended = new AbortController();
    const seen: string[] = [];
    let looks = 0;
    // All hosts' processes are processes of this machine too: one look sees them all, and the operator's own.
    const watch = (async () => {
      while (!ended.signal.aborted) {
        for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
          const line = read(`/proc/${pid}/cmdline`);
          // (The tests' own look into the database, test/e2e/scene.ts, perhaps of another run at the same time.)
          if (telling(line).length > 0 && !/^\/usr\/bin\/env\0PGPORT=.*\0psql\0/.test(line))
            seen.push(line.replaceAll('\0', ' ').slice(0, 500));
        }
        looks += 1;
        await pause(20);
      }
    })();
    let ran: Ran;
    try {
      ran = await scene.orchestrate('roll', '--ref', 'v2', '--yes', '--verbose', '--json');
    } finally {
      ended.abort();
      await watch;
    }
    t.diagnostic(`${looks} looks at all processes`);
    assert.equal(ran.code, 0, ran.stdout + ran.stderr);
    assert.ok(looks > 50, `${looks} looks`);
    assert.deepEqual(seen, []);
    assert.deepEqual(telling(ran.stdout + ran.stderr), []);
    assert.ok(
      ran.events.some(({ type }) => type === 'output'),
      'what the hosts print was told',
    );

    for (const { name } of scene.fleet.hosts) {
      const places = '/var/lib/orchestrate /srv/www /etc/nginx /run/shop /var/log /tmp /home /root';
      const found = await scene.fleet.sh(
        name,
        `grep -rlE ${PATTERNS.map((pattern) => `-e '${pattern}'`).join(' ')} ${places} 2>/dev/null | grep -v '^/srv/www/shop/shared/env$' || :`,
      );
      assert.equal(found, '', name);
    }
    // Whom the application runs as is told it, and nobody else can read it.
    for (const { name } of scene.fleet.backends) {
      const others = await scene.fleet.sh(
        name,
        `for file in /proc/[0-9]*/environ; do if grep -qE '${PATTERNS[0] ?? ''}' $file 2>/dev/null; then stat -c %U $file; fi; done | sort -u`,
      );
      assert.equal(others, 'deploy', name);
      const hidden = await scene.fleet.exec(
        name,
        `setpriv --reuid 65534 --regid 65534 --clear-groups grep -lE '${PATTERNS[0] ?? ''}' /srv/www/shop/shared/env /proc/[0-9]*/environ 2>/dev/null`,
      );
      assert.equal(hidden.stdout, '', name);
    }
  });
});

/** Empty where the process has ended. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
