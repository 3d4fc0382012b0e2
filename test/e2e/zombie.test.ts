import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { wholeOn } from './aftermath.ts';
import { meet } from './met.ts';
import { assertNothingLost, pause, setScene, type Ran, type Scene } from './scene.ts';
import { changes, stateOf } from './still.ts';

const said = ({ stdout, stderr }: Ran): string => `${stdout}${stderr}`;

describe('an operator that was asleep in the middle of a batch', () => {
  let scene: Scene;
  before(async () => {
    scene = await setScene({ name: 'e-zombie', balancers: 2, backends: 2 });
  });
  after(() => scene.end());

  test('finds that another has taken over and finished, changes nothing, and says why it stops', async (t) => {
    const { report } = await scene.underLoad(async () => {
      const asleep = await meet(scene, 'before switch 1', 'roll', '--ref', 'v2', '--yes');
      process.kill(asleep.pid, 'SIGSTOP');
      await asleep.go();

      const since = Date.now();
      const refused = await scene.orchestrate('roll', '--ref', 'v2', '--yes');
      assert.equal(refused.code, 3, said(refused));
      assert.match(refused.stderr, /holds the lease on lb1 with `roll --ref v2` since .*; it ends in \d+ s/);
      // Nobody renews it: it ends by itself, within its term of 30 s.
      let ran = refused;
      while (ran.code === 3 && Date.now() - since < 60_000) {
        await pause(1000);
        ran = await (await scene.elsewhere(['roll', '--ref', 'v2', '--yes'])).ended;
      }
      assert.equal(ran.code, 0, said(ran));
      const finished = await wholeOn(scene);

      const was = await stateOf(scene.fleet);
      process.kill(asleep.pid, 'SIGCONT');
      const woken = await asleep.ended;
      t.diagnostic(said(woken));
      assert.equal(woken.code, 4, said(woken));
      assert.match(said(woken), /another operator has taken|the lease could not be renewed/);
      // What it has seen it may say, in its own journal.
      const changed = changes(was, await stateOf(scene.fleet)).filter((line) => !line.includes('/shop/journal'));
      assert.deepEqual(changed, [], 'it changed nothing');
      assert.equal(await wholeOn(scene), finished);
    });
    assertNothingLost(report);
  });
});
