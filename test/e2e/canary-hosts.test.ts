import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertNothingLost, pause, setScene, type Scene } from './scene.ts';

const ALL = Boolean(process.env['ORCHESTRATE_TEST_ALL']);
const USERS = { users: 600 };

describe('a canary on hosts with one slot', () => {
  let scene: Scene;
  before(async () => {
    scene = await setScene({ name: 'inplace', balancers: 2, backends: 3 });
  });
  after(() => scene.end());

  const running = async (): Promise<(string | null)[]> => {
    const { backends, drift } = await scene.status();
    assert.deepEqual(drift, []);
    return backends.map(({ running: release }) => release);
  };
  const lives = (words: string) =>
    until(async () => (await scene.orchestrate('canary', 'status')).stdout.includes(words));

  test('one host is switched and serves a share; an abort sends everybody back first, a promotion rolls the others', async (t) => {
    const [v1 = null] = await running();
    const { report } = await scene.underLoad(async () => {
      const begun = scene.begin('canary', '20%', '--ref', 'v2', '--hosts', 'web3', '--yes');
      await lives('canary 20 %');
      const split = await running();
      assert.deepEqual(split.slice(0, 2), [v1, v1]);
      assert.notEqual(split[2], v1);
      await scene.expect(0, 'canary', 'abort', '--yes');
      assert.equal((await begun.ended).code, 4);
      assert.deepEqual(await running(), [v1, v1, v1]);
      const again = scene.begin('canary', '20%', '--ref', 'v2', '--yes');
      await lives('canary 20 %');
      await scene.expect(0, 'canary', 'promote', '--yes');
      assert.equal((await again.ended).code, 4);
      const over = await running();
      assert.equal(new Set(over).size, 1);
      assert.notEqual(over[0], v1);
    }, USERS);
    assertNothingLost(report);
    t.diagnostic(JSON.stringify(report.sides));
  });

  if (ALL)
    test('a bad one is judged, and its host gets the former release; one whom nobody watches is ended by the balancers', async (t) => {
      const [now = null] = await running();
      const { report } = await scene.underLoad(async () => {
        const bad = await scene.orchestrate('canary', '20%', '--ref', 'errors-5pct', '--hold', '5m', '--yes');
        assert.equal(bad.code, 1, `${bad.stdout}\n${bad.stderr}`);
        assert.match(bad.stderr, /^FAIL: the canary answers more of its requests with errors/m);
        assert.deepEqual(await running(), [now, now, now]);
        const left = scene.begin('canary', '20%', '--ref', 'errors-5pct', '--yes');
        await lives('canary 20 %');
        process.kill(left.pid, 'SIGKILL');
        await left.ended;
        await until(
          async () => (await scene.orchestrate('canary', 'status')).stdout.includes('No canary lives'),
          180_000,
        );
        await scene.expect(0, 'resume', '--yes');
      }, USERS);
      assert.deepEqual(
        report.failed.filter(({ kind }) => kind !== 'status 500'),
        [],
      );
      t.diagnostic(`${report.failed.length} errors of the release itself`);
      assert.deepEqual(await running(), [now, now, now]);
    });

  if (ALL)
    test('an A/B window has hosts for its side B, which the balancers take out at its end; or a word rolls the others to it', async (t) => {
      const [now = null] = await running();
      const open = (ref: string, seconds: number, then: string) => {
        const end = new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
        return ['ab', '--b', ref, '--share', '30%', '--until', end, '--then', then, '--yes'];
      };
      await scene.expect(2, ...open('v3', 600, 'b'));
      const { report } = await scene.underLoad(async () => {
        await scene.expect(0, ...open('v3', 40, 'a'), '--hosts', 'web2');
        assert.deepEqual(
          (await running()).map((each) => each === now),
          [true, false, true],
        );
        await until(async () => (await scene.orchestrate('ab', 'status')).code === 3);
        const { backends, unfinished } = await scene.status();
        assert.deepEqual(
          backends.map(({ rotation }) => rotation),
          ['in', 'out', 'in'],
        );
        assert.notEqual(unfinished, null);
        await scene.expect(0, 'resume', '--yes');
        assert.deepEqual(await running(), [now, now, now]);
        await scene.expect(0, ...open('v3', 600, 'ask'));
        await scene.expect(0, 'ab', 'end', '--then', 'b', '--yes');
      }, USERS);
      assertNothingLost(report);
      assert.deepEqual(report.sides?.crossed, {}, 'each user met one side at a time');
      const told = await scene.expect(0, 'ab', 'report');
      t.diagnostic(told.stdout);
      const over = await running();
      assert.equal(new Set(over).size, 1);
      assert.notEqual(over[0], now);
    });
});

async function until(holds: () => Promise<boolean>, within = 90_000): Promise<void> {
  for (const end = Date.now() + within; !(await holds()); await pause(500))
    if (Date.now() > end) throw new Error('it did not come to that');
}
