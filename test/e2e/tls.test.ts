import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { latencyBetween, type Report } from '../fleet/load/report.ts';
import { assertNothingLost, setScene, type Ran, type Scene } from './scene.ts';

const ALL = Boolean(process.env['ORCHESTRATE_TEST_ALL']);
/** Any other options of a server make the groups that Nginx has loaded others than the inventory's. */
const others = (connections: number) => ({
  nginx: { server_options: `max_fails=0 max_conns=${connections}`, keepalive_timeout: '5s' },
});

describe('behind TLS and HTTP/2, managed', () => {
  let scene: Scene;
  let ca: string;
  before(async () => {
    scene = await setScene({ name: 'c-tls', balancers: 2, backends: 3, tls: true });
    ca = await readFile(join(scene.fleet.state, 'operator/shop.pem'), 'utf8');
  });
  after(() => scene.end());

  test('a roll reloads nothing, and loses nothing of HTTP/2', async (t) => {
    const { report, result } = await scene.underLoad(() => scene.expect(0, 'roll', '--ref', 'v2', '--yes', '--json'), {
      ca,
      http2: true,
    });
    t.diagnostic(figures(report));
    assertNothingLost(report);
    assert.equal(report.connections.refused, 0, 'no GOAWAY, since nothing was reloaded');
    assert.equal(reloads(result), 0);
  });

  test(
    'a roll that has to declare groups reloads each balancer once, and loses nothing of HTTP/1.1',
    { skip: !ALL },
    async (t) => {
      await scene.configure(others(5000));
      const { report, result } = await scene.underLoad(
        () => scene.expect(0, 'roll', '--ref', 'v1', '--yes', '--json'),
        {
          ca,
        },
      );
      t.diagnostic(figures(report));
      assertNothingLost(report);
      assert.equal(reloads(result), 2);
      assert.deepEqual((await scene.status()).drift, []);
    },
  );

  // HTTP/2 has no answer that ends a connection. What its clients can't know was unprocessed is lost; the figure is told.
  // (It is waited for until its keep-alive would be over, here 5 s in place of the site's 75.)
  test('a reload meets HTTP/2 with GOAWAY: its clients send again what was refused', { skip: !ALL }, async (t) => {
    await scene.configure(others(6000));
    const { report, result } = await scene.underLoad(() => scene.expect(0, 'roll', '--ref', 'v2', '--yes', '--json'), {
      ca,
      http2: true,
    });
    t.diagnostic(`${figures(report)}; ${JSON.stringify(report.byKind)}`);
    assert.equal(reloads(result), 2);
    assert.ok(report.failed.length <= 40, 'two reloads, and not the roll');
  });
});

function figures(report: Report): string {
  const end = report.seconds * 1000 - 1500;
  const p99 = (from: number, to: number): string => latencyBetween(report, 0.99, from, to).toFixed(0);
  const { opened, closedWhileIdle, refused } = report.connections;
  return (
    `${report.sent} requests, ${report.failed.length} lost; p99 ${p99(0, 1500)} ms before, ${p99(1500, end)} ms during; ` +
    `${opened} connections opened, ${closedWhileIdle} closed while idle, ${refused} streams refused and sent again`
  );
}

function reloads(ran: Ran): number | undefined {
  const last = ran.events.at(-1);
  return last?.type === 'finished' ? last.summary.reloads : undefined;
}
