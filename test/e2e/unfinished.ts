import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { until } from '../fleet/hosts/shell.ts';
import { assertNothingLost, pause, type Ran, type Scene } from './scene.ts';

const ALL = Boolean(process.env['ORCHESTRATE_TEST_ALL']);
const ROLL = ['roll', '--ref', 'v2'] as const;

/** Rolls that were not finished: whoever stopped them, another ends them, and no user notices. From v1 on three backends, and back to it. */
export function unfinishedRolls(fleet: () => Scene): void {
  describe('a roll that is not finished', () => {
    let scene: Scene;
    let first: string | null;
    before(async () => {
      scene = fleet();
      first = (await scene.status()).backends[0]?.running ?? null;
    });

    /** Until the routing says that this host is out. */
    const isOut = (host: string): Promise<void> =>
      until(`${host} is out`, 60_000, async () =>
        (await scene.fleet.sh('lb1', 'readlink /var/lib/orchestrate/shop/live/stable')).endsWith(`/out-${host}`),
      );

    /** Starts a command, sends it these signals once a host is out, a moment apart, and returns how it ended. */
    async function stopped(host: string, command: readonly string[], ...signals: NodeJS.Signals[]): Promise<Ran> {
      const begun = scene.begin(...command, '--yes');
      const early = begun.ended.then(({ code, stdout, stderr }) => {
        throw new Error(`it ended before ${host} was out: exit ${code}\n${stdout}${stderr}`);
      });
      await Promise.race([isOut(host), early]);
      early.catch(() => {});
      for (const signal of signals) {
        process.kill(begun.pid, signal);
        await pause(50);
      }
      return begun.ended;
    }

    const rotations = async (): Promise<string[]> => (await scene.status()).backends.map(({ rotation }) => rotation);
    const running = async (): Promise<Set<string | null>> =>
      new Set((await scene.status()).backends.map((backend) => backend.running));

    test('for its operator died is told by status, refuses others until its lease has ended, and is resumed from elsewhere', async () => {
      const { report } = await scene.underLoad(async () => {
        const ran = await stopped('web2', ROLL, 'SIGKILL');
        assert.equal(ran.code, 128);
        const { exit, unfinished } = await scene.status();
        assert.equal(exit, 4);
        assert.match(
          unfinished ?? '',
          /\S+@\S+ began `roll --ref v2` at 20\S+: [12] of its 3 hosts run \S+; \S+ is at it now/,
        );
        const held = await scene.expect(0, 'lease');
        assert.match(held.stdout, /^lb1: held by \S+@\S+ with `roll --ref v2` since 20\S+; it ends in \d+ s/);
        const refused = await scene.expect(3, 'resume', '--yes');
        assert.match(refused.stderr, /holds the lease on lb1 with `roll --ref v2` since .*; it ends in \d+ s/);
        const resumed = await scene.expect(0, 'resume', '--yes', '--wait', '60s');
        assert.match(resumed.stdout, /Waiting for the lease: \S+@\S+ holds the lease on lb1/);
      });
      assertNothingLost(report);
      assert.equal((await running()).has(first), false);
      assert.deepEqual((await scene.status()).drift, []);
      assert.match((await scene.expect(0, 'resume', '--yes')).stdout, /nothing was left unfinished: nothing to do/);
    });

    test('for a person stopped it has every host in rotation, and is resumed too where it was a rollback', async () => {
      const { report, result } = await scene.underLoad(async () => {
        const ran = await stopped('web2', ['rollback'], 'SIGTERM');
        assert.deepEqual(await rotations(), ['in', 'in', 'in']);
        const { unfinished } = await scene.status();
        // web2 is finished or put back, as far as its turn had come.
        assert.match(unfinished ?? '', /began `rollback` .* and has not finished it: [12] of its 3 hosts run/);
        await scene.expect(0, 'resume', '--yes');
        return ran;
      });
      assertNothingLost(report);
      assert.equal(result.code, 143, result.stdout + result.stderr);
      assert.match(result.stdout, /Stopping: no further batch is begun/);
      assert.match(result.stdout, /STOPPED: .*`orchestrate resume` goes on, `orchestrate rollback` goes back/);
      assert.deepEqual(await running(), new Set([first]));
      const { drift, unfinished } = await scene.status();
      assert.deepEqual([drift, unfinished], [[], null]);
    });

    test('for a person could not wait says what is not known; its lease is broken', { skip: !ALL }, async () => {
      const { report, result } = await scene.underLoad(async () => {
        const ran = await stopped('web1', ROLL, 'SIGINT', 'SIGINT');
        const broken = await scene.expect(0, 'lease', 'break', '--yes');
        assert.match(broken.stdout, /take the lease over from \S+@\S+ \(`roll --ref v2`, since 20/);
        await scene.expect(0, 'resume', '--yes');
        return ran;
      });
      assertNothingLost(report);
      assert.equal(result.code, 130, result.stdout + result.stderr);
      assert.match(
        result.stderr,
        /^Left at once\.\n(What has become of these is not known:\n {2}\S+: |No step was under way\.)/,
      );
      assert.match(result.stderr, /`orchestrate resume` goes on, `orchestrate rollback` goes back/);
      assert.deepEqual((await scene.status()).drift, []);
      await scene.expect(0, 'rollback', '--yes');
    });

    test(
      'for a host failed, and the policy is to halt or to go on without it, is told host by host',
      { skip: !ALL },
      async () => {
        const env = '/srv/www/shop/shared/env';
        const code = `-${scene.project.commits.v2.slice(0, 7)}/repository`;
        const lines = `import os\nif os.path.realpath(".").endswith("${code}"):\n    os.environ["PGHOST"] = "127.0.0.1"\n`;
        await scene.fleet.sh(
          'web2',
          `mkdir -p /srv/www/shop/shared/ill && cat >/srv/www/shop/shared/ill/sitecustomize.py && cp -p ${env} ${env}.well && echo PYTHONPATH=/srv/www/shop/shared/ill >>${env}`,
          lines,
        );
        const { report } = await scene.underLoad(async () => {
          await scene.configure({ roll: { on_failure: 'halt' }, health: { host: 'shop.example.com', deadline: '3s' } });
          const halted = await scene.expect(4, 'roll', '--ref', 'v2', '--yes');
          assert.match(halted.stdout, /NOT FINISHED: .*`orchestrate resume` goes on/);
          assert.deepEqual(await rotations(), ['in', 'out', 'in']);
          const skip = { on_failure: 'skip', max_failures: 1, min_in_rotation: 1 };
          await scene.configure({ roll: skip, health: { host: 'shop.example.com', deadline: '3s' } });
          const skipped = await scene.expect(4, 'resume', '--yes');
          assert.match(skipped.stdout, /Going on without web2\./);
          const { backends, drift } = await scene.status();
          assert.deepEqual(
            backends.map(({ rotation, running: release }) => [rotation, release === first]),
            [
              ['in', false],
              ['out', false],
              ['in', false],
            ],
          );
          assert.match(drift.join('\n'), /web2 is out of rotation by nobody's word \(could not be switched to \S+\)/);
          await scene.fleet.sh('web2', `mv ${env}.well ${env}`);
          await scene.expect(0, 'roll', '--ref', 'v2', '--yes');
        });
        assertNothingLost(report);
        assert.deepEqual((await scene.status()).drift, []);
        await scene.configure({});
        await scene.expect(0, 'rollback', '--yes');
      },
    );
  });
}
