import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Report } from '../fleet/load/report.ts';
import { assertNothingLost, pause, setScene, type Scene } from './scene.ts';

const ALL = Boolean(process.env['ORCHESTRATE_TEST_ALL']);
const USERS = { users: 600 };

/** What the bad release itself answered with an error is its own: all else is lost. */
function assertOnlyErrorsOf(report: Report): number {
  const others = report.failed.filter(({ kind }) => kind !== 'status 500');
  assert.deepEqual(others, []);
  return report.failed.length;
}

/** No user met both releases, but for those whom a larger share took over. */
function assertOneSided(report: Report, ...allowed: string[]): void {
  const crossed = Object.keys(report.sides?.crossed ?? {}).filter((crossing) => !allowed.includes(crossing));
  assert.deepEqual(crossed, [], JSON.stringify(report.sides));
}

describe('a canary on two slots', () => {
  let scene: Scene;
  before(async () => {
    scene = await setScene({ name: 'canary', balancers: 2, backends: 3, two: ['web1', 'web2', 'web3'] });
  });
  after(() => scene.end());

  const running = async (): Promise<(string | null)[]> => {
    const { backends, drift } = await scene.status();
    assert.deepEqual(drift, []);
    return [...new Set(backends.map(({ running: release }) => release))];
  };

  test('a bad one is judged by what its users meet, and everybody is sent back at once', async (t) => {
    const [v1] = await running();
    const { report, result } = await scene.underLoad(async () => {
      const began = Date.now();
      const ran = await scene.orchestrate('canary', '20%', '--ref', 'errors-5pct', '--hold', '5m', '--yes');
      return { ran, took: (Date.now() - began) / 1000 };
    }, USERS);
    assert.equal(result.ran.code, 1, `${result.ran.stdout}\n${result.ran.stderr}`);
    const errors = assertOnlyErrorsOf(report);
    assertOneSided(report);
    assert.match(result.ran.stderr, /^FAIL: the canary answers more of its requests with errors/m);
    t.diagnostic(
      `FAIL after ${result.took} s from Enter, ${errors} errors of the release itself; ${JSON.stringify(report.sides)}`,
    );
    await pause(500);
    assert.deepEqual(await running(), [v1]);
    const page = join(scene.fleet.state, 'operator', 'report.html');
    const told = await scene.expect(0, 'canary', 'report', '--html', page);
    assert.match(await readFile(page, 'utf8'), /<h1>shop: FAIL<\/h1>[^]*<path d="M/);
    assert.match(told.stdout, /it was aborted at/);
    assert.match(told.stdout, /^FAIL: /m);
  });

  test('a good one is not found bad, is promoted, and can be taken back with one flip', async (t) => {
    const [v1] = await running();
    const { report, result } = await scene.underLoad(async () => {
      const ran = await scene.orchestrate(
        'canary',
        '--steps',
        '30%,60%',
        '--ref',
        'v2',
        '--hold',
        '25s',
        '--promote',
        'auto',
        '--yes',
      );
      // On a machine that stalls, what is as good may bear a sign of being worse: then a person decides.
      if (ran.code === 5) await scene.expect(0, 'canary', 'promote', '--yes');
      const between = await running();
      const back = await scene.orchestrate('rollback', '--yes');
      return { ran, between, back };
    }, USERS);
    const { ran } = result;
    assert.ok(ran.code === 0 || ran.code === 5, `exit ${ran.code}: ${ran.stdout}\n${ran.stderr}`);
    assert.match(ran.stderr, ran.code === 0 ? /^PASS: /m : /^UNDECIDED: [^]*orchestrate canary promote /m);
    assertNothingLost(report);
    assertOneSided(report, 'stable canary');
    t.diagnostic(`exit ${ran.code}; ${JSON.stringify(report.sides)}`);
    assert.equal(result.between.length, 1);
    assert.notEqual(result.between[0], v1);
    assert.equal(result.back.code, 0, result.back.stderr);
    assert.deepEqual(await running(), [v1]);
  });

  test(
    'while one lives: a roll is refused, its share can be changed, it is paused and goes on, and a rollback ends it',
    { skip: !ALL },
    async () => {
      const [v1] = await running();
      const { report } = await scene.underLoad(async () => {
        const begun = scene.begin('canary', '10%', '--ref', 'v2', '--yes');
        await until(async () => (await scene.orchestrate('canary', 'status')).stdout.includes('canary 10 %'));
        const refused = await scene.expect(3, 'roll', '--ref', 'v2', '--yes');
        assert.match(refused.stderr, /A canary lives: .* for 10 % of the users/);
        const second = await scene.orchestrate('canary', '25%', '--ref', 'v2', '--yes');
        assert.equal(second.code, 3);
        await scene.expect(0, 'canary', 'share', '25%', '--yes');
        assert.match((await scene.orchestrate('canary', 'status')).stdout, /canary 25 %/);
        await scene.expect(0, 'drain', 'web3', '--yes');
        await scene.expect(0, 'canary', 'pause', '--yes');
        await scene.expect(0, 'enable', 'web3', '--yes');
        process.kill(begun.pid, 'SIGINT');
        assert.equal((await begun.ended).code, 130);
        const goesOn = scene.begin('canary', 'continue', '--yes');
        await until(async () => (await scene.orchestrate('canary', 'status')).stdout.includes('canary 25 %'));
        await scene.expect(0, 'rollback', '--yes');
        assert.equal((await goesOn.ended).code, 4);
      }, USERS);
      assertNothingLost(report);
      assertOneSided(report, 'stable canary', 'canary stable');
      assert.deepEqual(await running(), [v1]);
    },
  );

  if (ALL)
    test('a slow one is judged too; and one whom nobody watches is ended by the balancers themselves', async (t) => {
      const [v1] = await running();
      const { report } = await scene.underLoad(async () => {
        const slow = await scene.orchestrate('canary', '20%', '--ref', 'slow-150ms', '--hold', '5m', '--yes');
        assert.equal(slow.code, 1, `${slow.stdout}\n${slow.stderr}`);
        assert.match(slow.stderr, /^FAIL: /m);
        const left = scene.begin('canary', '10%', '--ref', 'v2', '--yes');
        await until(async () => (await scene.orchestrate('canary', 'status')).stdout.includes('canary 10 %'));
        process.kill(left.pid, 'SIGKILL');
        await left.ended;
        const began = Date.now();
        await until(
          async () => (await scene.orchestrate('canary', 'status')).stdout.includes('No canary lives'),
          180_000,
        );
        t.diagnostic(`everybody back ${(Date.now() - began) / 1000} s after the watcher was killed`);
      }, USERS);
      assertNothingLost(report);
      await scene.expect(0, 'resume', '--yes');
      assert.deepEqual(await running(), [v1]);
    });
});

async function until(holds: () => Promise<boolean>, within = 60_000): Promise<void> {
  for (const end = Date.now() + within; !(await holds()); await pause(500))
    if (Date.now() > end) throw new Error('it did not come to that');
}
