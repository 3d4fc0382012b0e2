import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNothingLost, type Scene } from './scene.ts';

/** From v1 to v2 and back, on a fleet that serves v1. */
export function rolls(fleet: () => Scene): void {
  test('takes the fleet from v1 to v2, and back, and not one request is lost', async () => {
    const scene = fleet();
    const { report } = await scene.underLoad(async () => {
      await scene.expect(0, 'roll', '--ref', 'v2', '--batch', '1', '--yes');
      await scene.expect(0, 'rollback', '--yes');
    });
    assertNothingLost(report);
    assert.ok((report.perRelease['v1'] ?? 0) > 0 && (report.perRelease['v2'] ?? 0) > 0);
    const status = await scene.status();
    assert.deepEqual(status.drift, []);
  });
}
