import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertNothingLost, type Scene } from './scene.ts';

/** On a fleet that serves v1; its inventory is another afterwards. */
export function declares(fleet: () => Scene): void {
  describe('a roll whose groups are not declared', () => {
    test('declares them with one quiesced reload on each balancer, and loses nothing', async () => {
      const scene = fleet();
      const web1 = scene.fleet.addressOf('web1');
      await scene.configure({
        backends: { web1: { address: web1, weight: 2 } },
        nginx: { configuration: 'managed', keepalive_timeout: '75s' },
      });
      const { report, result } = await scene.underLoad(() => scene.expect(0, 'roll', '--ref', 'v2', '--yes', '--json'));
      assertNothingLost(report);
      const finished = result.events.find((event) => event.type === 'finished');
      assert.equal(finished?.summary.reloads, 2);
      assert.deepEqual((await scene.status()).drift, []);
    });
  });
}
