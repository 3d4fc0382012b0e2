import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until } from '../fleet/hosts/shell.ts';
import { assertNothingLost, setScene, type Scene } from './scene.ts';
import { changes, stateOf } from './still.ts';

const ALL = Boolean(process.env['ORCHESTRATE_TEST_ALL']);
const ROUTING = '/var/lib/orchestrate/shop';

describe('two balancers', () => {
  let scene: Scene;
  before(async () => {
    scene = await setScene({ name: 'e-two', balancers: 2, backends: 2 });
    await scene.configure(SSH);
  });
  after(() => scene.end());

  /** Short, so that a host that is cut off is soon known to be. */
  const SSH = { ssh: { keepalive: '1s', connect_timeout: '2s' } };
  const live = (balancer: string): Promise<string> => scene.fleet.sh(balancer, `readlink ${ROUTING}/live`);

  /** A command that must be refused, and that changes nothing. */
  async function refused(says: readonly RegExp[], ...args: string[]): Promise<void> {
    const was = await stateOf(scene.fleet);
    const { stdout, stderr } = await scene.expect(3, ...args);
    for (const pattern of says) assert.match(stdout + stderr, pattern);
    assert.deepEqual(changes(was, await stateOf(scene.fleet)), [], 'nothing was changed');
  }

  async function assertLevel(): Promise<void> {
    const { drift, exit } = await scene.status();
    assert.deepEqual(drift, []);
    assert.equal(exit, 0);
    assert.equal(await live('lb1'), await live('lb2'));
  }

  test('of which one was moved back by hand are refused, and --overwrite writes what the record says, without a loss', async () => {
    await scene.fleet.sh(
      'lb2',
      `cd ${ROUTING} && ln -s "generations/$(ls generations | sort -n | tail -n 2 | head -n 1)" by-hand && mv -T by-hand live`,
    );
    await refused(
      [
        /The routing of lb2 was changed by hand; nothing was touched/,
        /lb2: its `live` names generation \d+, and the last flip made it name \d+: it was moved by hand/,
        /lb1 \(generation \d+\) sends to every backend/,
        /lb2 \(generation \d+\) sends nothing to web2/,
        /the record of generation \d+ \(.*\) has nobody out/,
        /What to do: `--adopt lb2`.*`--overwrite`/,
      ],
      'roll',
      '--ref',
      'v2',
      '--yes',
    );
    const { exit, drift } = await scene.status();
    assert.equal(exit, 4);
    assert.match(drift.join('\n'), /it was moved by hand/);
    const { report } = await scene.underLoad(() => scene.expect(0, 'roll', '--ref', 'v2', '--overwrite', '--yes'));
    assertNothingLost(report);
    await assertLevel();
  });

  test('of which one has a link changed by hand: --adopt makes what it routes true on both', async () => {
    await scene.fleet.sh('lb1', `cd ${ROUTING}/live && rm stable && ln -s ../../groups/out-web2 stable`);
    await refused([/lb1: the links of generation \d+ are not what its record says/], 'drain', 'web1', '--yes');
    const { report } = await scene.underLoad(() => scene.expect(0, 'prune', '--adopt', 'lb1', '--yes'));
    assertNothingLost(report);
    await assertLevel();
    const { backends } = await scene.status();
    assert.deepEqual(
      backends.map(({ name, rotation, reason }) => [name, rotation, reason]),
      [
        ['web1', 'in', null],
        ['web2', 'out', 'by hand on lb1'],
      ],
    );
    assert.match(await scene.fleet.sh('lb2', `cat ${ROUTING}/live/record.json`), /prune --adopt lb1/);
    await scene.expect(0, 'enable', 'web2', '--yes');
  });

  test('of which one is away: it is left out by word alone, and catches up with the next command', async () => {
    await refused([/lb2 answers, so it may send/, /without --without-balancer/], ...away('v1'));
    const lb1 = scene.fleet.targets.slice(0, 1);
    await scene.fleet.cut('lb2');
    try {
      await scene.expect(3, 'roll', '--ref', 'v1', '--yes');
      const { report } = await scene.underLoad(() => scene.expect(0, ...away('v1')), { targets: lb1 });
      assertNothingLost(report);
      assert.match((await scene.status()).drift.join('\n'), /^lb2 could not be looked at/m);
    } finally {
      await scene.fleet.heal('lb2');
    }
    const { drift } = await scene.status();
    assert.match(drift.join('\n'), /^lb2 is behind: it serves generation \d+, and lb1 serves \d+\. It was away/m);
    const { report } = await scene.underLoad(() => scene.expect(0, 'prune', '--yes'), { targets: lb1 });
    assertNothingLost(report);
    await assertLevel();
  });

  const away = (ref: string): string[] => ['roll', '--ref', ref, '--without-balancer', 'lb2', '--yes'];

  test(
    'of which one comes back in the middle: the roll stops there, and the next ends it',
    { skip: !ALL },
    async () => {
      await scene.configure({ ...SSH, roll: { pause: '6s' } });
      await scene.fleet.cut('lb2');
      const ran = scene.begin(...away('v2'));
      await until('web1 is back', 60_000, async () => /web1 back/.test(await titles()));
      await scene.fleet.heal('lb2');
      const { code, stdout, stderr } = await ran.ended;
      assert.equal(code, 4, stdout + stderr);
      assert.match(stdout + stderr, /lb2 answers, so it may send to backends that are about to be stopped/);
      await scene.configure(SSH);
      const { report } = await scene.underLoad(() => scene.expect(0, 'roll', '--ref', 'v2', '--yes'), {
        targets: scene.fleet.targets.slice(0, 1),
      });
      assertNothingLost(report);
      await assertLevel();
    },
  );

  /** `web1 back` once the record of lb1 has web1 on another release than web2, and in. */
  async function titles(): Promise<string> {
    const { backends } = JSON.parse(await scene.fleet.sh('lb1', `cat ${ROUTING}/live/record.json`)) as {
      backends: Record<string, { rotation: string; release: string }>;
    };
    const [web1, web2] = [backends['web1'], backends['web2']];
    return web1?.rotation === 'in' && web1.release !== web2?.release ? 'web1 back' : '';
  }

  describe('that need a new configuration', { skip: !ALL }, () => {
    const CONF = '/etc/nginx/orchestrate/shop.conf';
    const files = (): Promise<string[]> =>
      Promise.all(['lb1', 'lb2'].map((name) => scene.fleet.sh(name, `sha256sum ${CONF}; ls /etc/nginx/orchestrate`)));
    before(() =>
      scene.configure({ ...SSH, backends: { web1: { address: scene.fleet.addressOf('web1'), weight: 2 } } }),
    );
    after(() => scene.configure(SSH));

    /** Something that happens on lb2 the moment the new text is tested there. */
    const whenTested = (what: string): Promise<string> =>
      scene.fleet.sh(
        'lb2',
        `mv /usr/sbin/nginx /usr/sbin/nginx.real && printf '%s\\n' '#!/bin/sh' 'case "$*" in *-t*) if grep -q weight=2 ${CONF}; then ${what}; fi ;; esac' 'exec /usr/sbin/nginx.real "$@"' >/usr/sbin/nginx && chmod 755 /usr/sbin/nginx`,
      );
    const mend = async (): Promise<void> => {
      await scene.fleet.sh('lb2', 'mv /usr/sbin/nginx.real /usr/sbin/nginx');
    };

    test('keep the former one where the test fails on one of them', async () => {
      const was = await files();
      await whenTested('echo "nginx: [emerg] planted" >&2; exit 1');
      const { report, result } = await scene.underLoad(async () => {
        try {
          return await scene.expect(1, 'roll', '--ref', 'v1', '--yes');
        } finally {
          await mend();
        }
      });
      assertNothingLost(report);
      assert.match(result.stdout + result.stderr, /lb2: .*planted/s);
      assert.deepEqual(await files(), was);
      await assertLevel();
    });

    test('of which one is lost while it is tested: that is told, and the next roll goes on', async () => {
      await whenTested('touch /tmp/tested; sleep 5');
      const ran = scene.begin('roll', '--ref', 'v1', '--yes');
      try {
        await until('it is tested', 120_000, async () => (await scene.fleet.exec('lb2', 'ls /tmp/tested')).code === 0);
        await scene.fleet.cut('lb2');
        const { code, stdout, stderr } = await ran.ended;
        assert.equal(code, 4, stdout + stderr);
        // By then the lease, which lb2 has to renew too, is no longer sure: what lb1 has is left to the next command.
        const { drift } = await scene.status();
        assert.match(drift.join('\n'), /^lb1 has a configuration that was written and never loaded/m);
      } finally {
        await scene.fleet.heal('lb2');
        await mend();
      }
      const { report } = await scene.underLoad(() => scene.expect(0, 'roll', '--ref', 'v1', '--yes'));
      assertNothingLost(report);
      await assertLevel();
    });
  });
});
