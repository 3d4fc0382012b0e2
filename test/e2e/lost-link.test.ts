import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertNothingLost, pause, setScene, type Scene } from './scene.ts';

describe('a roll whose link to a backend is cut in the middle of its switch', () => {
  let scene: Scene;
  before(async () => {
    scene = await setScene({ name: 'lost-link', balancers: 1, backends: 2 });
    await scene.configure({ ssh: { keepalive: '1s', connect_timeout: '2s' } });
  });
  after(() => scene.end());

  /** Stops the switch of web1 as soon as it is at work, in one look after the other there: it takes a second at the most. Returns its id. */
  const stopSwitch = (): Promise<string> =>
    scene.fleet.sh(
      'web1',
      `for look in $(seq 4000); do
        pid=$(grep -lazx 'orchestrate-switc[h]' /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3 | sort -n | head -n 1)
        if [ -n "$pid" ]; then kill -s STOP "$pid" && echo "$pid" && exit 0; fi
        sleep 0.02
      done
      exit 1`,
    );

  test('waits for what is orphaned there, looks again, and goes on: nobody notices', async (t) => {
    const { report, result } = await scene.underLoad(async () => {
      const rolled = scene.orchestrate('roll', '--ref', 'v2', '--batch', '1', '--yes', '--json');
      const orphan = await stopSwitch();
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
