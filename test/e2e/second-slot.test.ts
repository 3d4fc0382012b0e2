import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertNothingLost, setScene, type Ran, type Scene } from './scene.ts';

const outFor = ({ events }: Ran): number =>
  events
    .flatMap((event) => (event.type === 'finished' ? event.summary.hosts : []))
    .reduce((sum, { out }) => sum + out, 0);

// What docs/two-slots.md says, step by step, while users send requests.
describe('a running site', () => {
  let scene: Scene;
  before(async () => {
    scene = await setScene({ name: 'second', balancers: 2, backends: 3 });
  });
  after(() => scene.end());

  const print = async (...what: string[]): Promise<string> =>
    (await scene.expect(0, 'init', '--print', ...what)).stdout;

  /** The inventory with those slots, and what the hosts need of it. */
  async function slots(...ports: number[]): Promise<void> {
    await scene.configure({ service: { slots: ports } });
    for (const { name } of scene.fleet.backends)
      await scene.fleet.sh(
        name,
        'cat >/etc/supervisor/conf.d/shop.conf && supervisorctl update',
        await print('supervisor', '--on', name),
      );
  }

  const masters = (): Promise<string[]> =>
    Promise.all(scene.fleet.backends.map(({ name }) => scene.fleet.sh(name, 'cat /run/shop/8000.pid')));
  const serving = async (): Promise<(readonly [string | null, string])[]> => {
    const { drift, backends } = await scene.status();
    assert.deepEqual(drift, []);
    return backends.map(({ running, rotation }) => [running, rotation] as const);
  };

  test('goes from one slot to two, rolls, goes back at once and later, and to one slot again: not one request is lost', async (t) => {
    const v1 = await serving();
    const { report } = await scene.underLoad(async () => {
      const were = await masters();
      await slots(8000, 8001);
      assert.deepEqual(await masters(), were, 'what serves runs on');
      assert.match((await scene.expect(0, 'check')).stdout, /Nothing is missing/);

      const there = await scene.expect(0, 'roll', '--ref', 'v2', '--yes', '--json');
      assert.equal(outFor(there), 0, 'no host is out for its batch');
      assert.notDeepEqual(await serving(), v1);
      assert.equal(outFor(await scene.expect(0, 'rollback', '--yes', '--json')), 0);
      assert.deepEqual(await serving(), v1);

      await scene.expect(0, 'roll', '--ref', 'v2', '--yes');
      await scene.expect(0, 'linger', 'stop', '--yes');
      const later = await scene.expect(0, 'rollback', '--yes', '--json');
      assert.ok(later.events.some((event) => event.type === 'phase' && event.name === 'start'));
      assert.deepEqual(await serving(), v1);

      await scene.expect(0, 'linger', 'stop', '--yes');
      await slots(8000);
      assert.match((await scene.expect(0, 'check')).stdout, /Nothing is missing/);
      const alone = await scene.expect(0, 'roll', '--ref', 'v2', '--yes', '--json');
      assert.ok(outFor(alone) > 0);
      await serving();
    });
    t.diagnostic(`${report.sent} requests`);
    assertNothingLost(report);
  });
});
