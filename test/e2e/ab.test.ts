import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { AbReport } from '../../src/core/ab/report.ts';
import { until } from '../fleet/hosts/shell.ts';
import { assertNothingLost, pause, setScene, type Scene } from './scene.ts';

const ALL = Boolean(process.env['ORCHESTRATE_TEST_ALL']);
const USERS = { users: 300 };
const iso = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');

describe('an A/B window on two slots', () => {
  let scene: Scene;
  before(async () => {
    scene = await setScene({ name: 'e-ab', balancers: 2, backends: 2, two: ['web1', 'web2'] });
    await scene.configure({ ab: { goals: { order: 'POST ^/', page: 'GET ^/' } } });
  });
  after(() => scene.end());

  const running = async (): Promise<(string | null)[]> => [
    ...new Set((await scene.status()).backends.map(({ running: release }) => release)),
  ];
  const said = ({ stdout, stderr }: { stdout: string; stderr: string }): string => `${stdout}\n${stderr}`;

  test('both sides are equals until the end, which the balancers make by themselves', async (t) => {
    const [v1] = await running();
    const { report } = await scene.underLoad(async () => {
      const end = iso(30);
      const open = await scene.expect(
        0,
        'ab',
        '--a',
        'v1',
        '--b',
        'v2',
        '--share',
        '40%',
        '--until',
        end,
        '--then',
        'b',
        '--name',
        'try',
        '--yes',
      );
      assert.match(open.stdout, /A\/B window/);
      const status = await scene.expect(0, 'ab', 'status');
      assert.match(
        status.stdout,
        /^A\/B window try: A is \S+ \(60 % of the users\), B is \S+ \(40 %\)[^]*then everybody goes to B/,
      );
      for (const other of [
        ['roll', '--ref', 'v3', '--yes'],
        ['canary', '10%', '--ref', 'v3', '--yes'],
        ['ab', '--b', 'v3', '--until', iso(600), '--yes'],
      ])
        // oxlint-disable-next-line no-await-in-loop
        assert.match(
          said(await scene.expect(3, ...other)),
          /An A\/B window is open until [^]*orchestrate ab end --then a/,
        );
      assert.match(said(await scene.orchestrate('canary', 'share', '50%', '--yes')), /keeps its share/);
      assert.match((await scene.orchestrate('status')).stdout, /^A\/B until /m);
      // A command in between takes back what the balancers are to do, and tells it to them again.
      await scene.expect(0, 'drain', 'web2', '--yes');
      await scene.expect(0, 'enable', 'web2', '--yes');
      await scene.expect(0, 'ab', 'status');
      assert.deepEqual(await running(), [v1]);
      await until('the balancers end it', 60_000, async () => {
        await pause(1000);
        return (await scene.status()).canary === null;
      });
      assert.ok(Date.now() >= Date.parse(end), 'not before its time');
      const ended = await scene.status();
      assert.equal(new Set(ended.backends.map(({ running: release }) => release)).size, 1);
      assert.notEqual(ended.backends[0]?.running, v1);
      // The balancers move the traffic; what is left on the backends waits for a person.
      for (const line of ended.drift) assert.match(line, /the next command that changes something sees to it$/);
      await scene.expect(0, 'resume', '--yes');
      assert.deepEqual((await scene.status()).drift, []);
    }, USERS);
    assertNothingLost(report);
    assert.deepEqual(report.sides?.crossed, {}, 'each user met one side');
    const told = await scene.expect(0, 'ab', 'report');
    t.diagnostic(told.stdout);
    assert.match(told.stdout, /It was closed at \S+: everybody went to B\./);
    const { report: sums } = JSON.parse((await scene.expect(0, 'ab', 'report', '--json')).stdout) as {
      report: AbReport;
    };
    const met = Object.values(report.sides?.met ?? {}).reduce((sum, many) => sum + many, 0);
    const users = sums.a.clients + sums.b.clients;
    // Nobody is counted on a side that they did not meet, and each balancer counts a user once.
    assert.ok(users > met && users <= 2 * met + 20, `${users} by two balancers, of ${met}`);
    assert.ok(sums.a.clients > sums.b.clients && sums.b.clients > users / 5);
    const [order, page] = sums.goals;
    assert.ok(
      order !== undefined && order.a.reached > 0 && order.b.reached > 0 && order.a.reached <= sums.a.clients,
      JSON.stringify(order),
    );
    assert.ok(page !== undefined && page.a.reached > order.a.reached, JSON.stringify(page));
  });

  test('a window is ended by a word, or by a rollback; what can not be is refused', { skip: !ALL }, async () => {
    const [v2] = await running();
    const wrong = async (...args: string[]): Promise<string> => said(await scene.expect(2, 'ab', ...args, '--yes'));
    assert.match(await wrong('--until', iso(600)), /needs its side B/);
    assert.match(await wrong('--b', 'v3'), /needs its end/);
    assert.match(await wrong('--b', 'v3', '--until', '2020-01-01T00:00'), /has passed/);
    assert.match(await wrong('--a', 'v1', '--b', 'v3', '--until', iso(600)), /Side A is to be/);
    assert.match(await wrong('--b', 'v3', '--until', iso(600), '--name', 'A B'), /no name of a window/);
    const { report } = await scene.underLoad(async () => {
      await scene.expect(0, 'ab', '--b', 'v3', '--until', iso(3600), '--yes');
      await scene.expect(0, 'ab', 'end', '--then', 'a', '--yes');
      assert.deepEqual(await running(), [v2]);
      await scene.expect(0, 'ab', '--b', 'v3', '--until', iso(3600), '--then', 'b', '--yes');
      await scene.expect(0, 'rollback', '--yes');
      assert.deepEqual(await running(), [v2]);
    }, USERS);
    assertNothingLost(report);
    assert.match(said(await scene.expect(3, 'ab', 'end', '--then', 'b', '--yes')), /No A\/B window is open/);
  });
});
