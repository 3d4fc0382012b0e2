import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertNothingLost, setScene, type Scene } from './scene.ts';

for (const configuration of ['managed', 'fixed'] as const)
  describe(`a roll under load, ${configuration}`, () => {
    let scene: Scene;
    before(async () => {
      scene = await setScene({ name: `roll-${configuration}`, balancers: 2, backends: 3, configuration });
    });
    after(() => scene.end());

    test('takes the fleet from v1 to v2, and back, and not one request is lost', async () => {
      const { report } = await scene.underLoad(async () => {
        await scene.expect(0, 'roll', '--ref', 'v2', '--batch', '1', '--yes');
        await scene.expect(0, 'rollback', '--yes');
      });
      assertNothingLost(report);
      assert.ok((report.perRelease['v1'] ?? 0) > 0 && (report.perRelease['v2'] ?? 0) > 0);
      const status = await scene.status();
      assert.deepEqual(status.drift, []);
    });
  });
