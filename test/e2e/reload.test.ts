import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setScene, type Scene } from './scene.ts';

describe('a site that keeps its plain proxy_pass (switch: reload)', () => {
  let scene: Scene;
  before(async () => {
    scene = await setScene({ name: 'reload', balancers: 1, backends: 2, switch: 'reload' });
  });
  after(() => scene.end());

  test('is rolled all the same, with a reload for each flip', async () => {
    const { report, result } = await scene.underLoad(() => scene.expect(0, 'roll', '--ref', 'v2', '--yes', '--json'));
    const finished = result.events.find((event) => event.type === 'finished');
    assert.equal(finished?.summary.reloads, 3);
    // Only what a reload costs by nature may be lost here.
    assert.deepEqual(
      [...new Set(report.failed.map(({ kind }) => kind))].filter((kind) => kind !== 'reset on a kept-alive connection'),
      [],
    );
    assert.deepEqual((await scene.status()).drift, []);
  });
});
