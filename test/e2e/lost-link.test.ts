import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until } from '../fleet/hosts/shell.ts';
import { assertNothingLost, pause, setScene, type Scene } from './scene.ts';

describe('a roll whose link to a backend is cut in the middle of its switch', () => {
  let scene: Scene;
  before(async () => {
    scene = await setScene({ name: 'lost-link', balancers: 1, backends: 2 });
    await scene.configure({ ssh: { keepalive: '1s', connect_timeout: '2s' } });
  });
  after(() => scene.end());

  /** The switch that is at work on web1; its parts (subshells) have no part in it. */
  const switching = async (): Promise<string> =>
    (
      await scene.fleet.exec(
        'web1',
        'for p in /proc/[0-9]*; do tr "\\0" "\\n" <$p/cmdline 2>/dev/null | grep -qx orchestrate-switch && echo ${p#/proc/}; done | sort -n | head -n 1',
      )
    ).stdout.trim();

  test('waits for what is orphaned there, looks again, and goes on: nobody notices', async (t) => {
    const { report, result } = await scene.underLoad(async () => {
      const rolled = scene.orchestrate('roll', '--ref', 'v2', '--batch', '1', '--yes', '--json');
      let orphan = '';
      await until('web1 is being switched', 60_000, async () => (orphan = await switching()) !== '');
      await scene.fleet.sh('web1', `kill -s STOP ${orphan}`);
      await scene.fleet.cut('web1');
      await pause(8000);
      await scene.fleet.heal('web1');
      await pause(11_000);
      await scene.fleet.sh('web1', `kill -s CONT ${orphan}`);
      return rolled;
    });
    assert.equal(result.code, 0, result.stdout + result.stderr);
    assertNothingLost(report);
    const notes = result.events.flatMap((event) => (event.type === 'note' ? [event.text] : []));
    t.diagnostic(notes.join('\n'));
    assert.ok(notes.some((note) => /^web1: the link was lost in the middle of “switch web1 to /.test(note)));
    assert.ok(
      notes.some((note) => /^web1: another script has .*\/lock: waiting for its end, 150 s at the most$/.test(note)),
    );
    assert.ok(notes.some((note) => /^web1: connected again after .* s, what was in hand there has ended/.test(note)));
    const { backends, drift } = await scene.status();
    assert.deepEqual(drift, []);
    assert.deepEqual(new Set(backends.map(({ rotation }) => rotation)), new Set(['in']));
    assert.equal(new Set(backends.map(({ running }) => running)).size, 1);
  });
});
