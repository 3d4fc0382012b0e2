import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { wholeOn } from './aftermath.ts';
import { assertNothingLost, setScene, type Ran, type Scene } from './scene.ts';

/** Powered off from the beginning. */
const DEAD = 'web50';
/** Takes a second more for whatever its scripts begin with. */
const SLOW = 'web7';
/** What two processor cores carry beside a hundred hosts. */
const LIGHT = { rate: 20, connections: 40 };

describe('a hundred backends', () => {
  let scene: Scene;
  before(async () => {
    const fleet = { balancers: 1, backends: 100, sshd: 'large', workers: 1, threads: 4 } as const;
    scene = await setScene({ name: 'e-hundred', ...fleet }, null);
    await scene.configure({ health: { host: 'shop.example.com', deadline: '180s' } });
    // Ten at once: as many as start in a bearable time here.
    await scene.expect(0, 'roll', '--ref', 'v1', '--yes', '--batch', '10%');
  });
  after(() => scene.end());

  test('are rolled ten at a time while one is dead and one is slow, and the dead one follows when it is back', async (t) => {
    const was = await wholeOn(scene);
    await scene.fleet.sh(
      SLOW,
      'for tool in ss sync flock; do printf \'#!/bin/sh\\nsleep 1\\nexec /usr/bin/%s "$@"\\n\' $tool >/usr/local/bin/$tool && chmod 755 /usr/local/bin/$tool; done',
    );
    await scene.fleet.powerCut(DEAD);
    const others = scene.fleet.backends.map(({ name }) => name).filter((name) => name !== DEAD);
    const { report } = await scene.underLoad(
      async () => {
        const refused = await scene.expect(3, 'roll', '--ref', 'v2', '--yes', '--batch', '10%');
        assert.match(refused.stderr, new RegExp(`${DEAD}.*\\n[^]*leave it aside with --hosts`));
        const rolled = await scene.expect(0, ...ROLL, '--hosts', others.join(','));
        t.diagnostic(figures(rolled));
      },
      { mix: LIGHT },
    );
    t.diagnostic(`${report.sent} requests, ${report.failed.length} failed`);
    assertNothingLost(report);
    const { backends } = await scene.status();
    const [release = null] = backends.map(({ running }) => running);
    assert.notEqual(release, was);
    assert.deepEqual(
      backends.filter(({ running, rotation }) => running !== release || rotation !== 'in').map(({ name }) => name),
      [DEAD],
    );

    await scene.fleet.powerOn(DEAD);
    await scene.expect(0, ...ROLL);
    assert.equal(await wholeOn(scene), release);
  });
});

const ROLL = ['roll', '--ref', 'v2', '--yes', '--json', '--batch', '10%'] as const;

function figures({ events }: Ran): string {
  const last = events.at(-1);
  if (last?.type !== 'finished') return 'not finished';
  const out = last.summary.hosts.map((host) => host.out).toSorted((a, b) => a - b);
  return `${(last.summary.took / 1000).toFixed(0)} s; out of rotation ${((out[50] ?? 0) / 1000).toFixed(1)} s in the median, ${((out.at(-1) ?? 0) / 1000).toFixed(1)} s at most`;
}
