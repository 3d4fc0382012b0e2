import assert from 'node:assert/strict';
import { get } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { until } from '../fleet/hosts/shell.ts';
import type { Report } from '../fleet/load/report.ts';
import { assertNothingLost, pause, setScene, type Scene } from './scene.ts';

/** Of the requests that wait at a backend's door every fifth is a POST, which Nginx sends to nobody else: of so many some are lost for sure. */
const WAITING = 60;
/** Each loses what is on its way for 40 ms, some five requests. */
const RELOADS = 4;
const SITE = '/etc/nginx/sites-fleet/shop.conf';
const UPSTREAMS = '/etc/nginx/orchestrate/shop.conf';

/** That a roll loses nothing says something only of a load that would have told: here it must tell. */
describe('the load', () => {
  let scene: Scene;
  before(async () => {
    scene = await setScene({ name: 'c-planted', balancers: 1, backends: 3 });
  });
  after(() => scene.end());

  test('finds nothing where nothing is lost', async (t) => {
    const { report } = await scene.underLoad(() => pause(500));
    t.diagnostic(`${report.sent} requests`);
    assertNothingLost(report);
  });

  test('finds what a backend loses that is restarted without a drain', async (t) => {
    const { report } = await scene.underLoad(() => restart('web1'));
    t.diagnostic(found(report));
    assert.ok((report.byKind['status 502'] ?? 0) > 0, JSON.stringify(report.byKind));
  });

  test('finds what a reload loses on connections that nobody had closed before', async (t) => {
    const { report } = await scene.underLoad(async () => {
      for (let time = 0; time < RELOADS; time += 1) {
        await reload();
        await pause(300);
      }
    });
    t.diagnostic(found(report));
    assert.ok((report.byKind['reset on a kept-alive connection'] ?? 0) > 0, JSON.stringify(report.byKind));
  });

  test('finds what goes to a backend that is out, through a location with a root of its own', async (t) => {
    await scene.expect(0, 'drain', 'web1', '--yes');
    await scene.fleet.sh('lb1', `sed -i 's|location / {|& root /srv/www;|' ${SITE}`);
    await reload();
    const { report } = await scene.underLoad(() => restart('web1'));
    await scene.fleet.sh('lb1', `sed -i 's| root /srv/www;||' ${SITE}`);
    t.diagnostic(found(report));
    assert.ok((report.byKind['status 502'] ?? 0) > 0, JSON.stringify(report.byKind));
  });

  // web1 is out, web3 is dead, web2 serves.
  test('finds that one error fails the whole site, where max_fails is left at its default and a neighbour is dead', async (t) => {
    await scene.fleet.cut('web3');
    const losses = async (): Promise<number> => {
      await reload();
      const { report } = await scene.underLoad(() => killWorkers('web2'));
      t.diagnostic(`${report.failed.length} of ${report.sent} lost: ${JSON.stringify(report.byKind)}`);
      return report.failed.length;
    };
    await scene.fleet.sh('lb1', `sed -i 's/ max_fails=0//' ${UPSTREAMS}`);
    assert.ok((await losses()) > 100, 'many times what the workers had in hand');
  });

  /** What was lost, in words; fails if the check was content. */
  function found(report: Report): string {
    assert.throws(() => assertNothingLost(report), /requests failed/);
    return `${report.failed.length} of ${report.sent} lost: ${JSON.stringify(report.byKind)}`;
  }

  const reload = (): Promise<string> => scene.fleet.sh('lb1', 'nginx -s reload');
  const workersOf = (name: string): Promise<string> =>
    scene.fleet.sh(name, 'master=$(cat /run/shop/8000.pid) && cat "/proc/$master/task/$master/children"');
  const pidOf = (name: string): Promise<string> => scene.fleet.sh(name, 'cat /run/shop/8000.pid 2>/dev/null || :');

  /** While it is busy for a moment. Gunicorn ends what it has begun, and resets what waits at its door. */
  async function restart(name: string): Promise<void> {
    const old = await pidOf(name);
    const workers = await workersOf(name);
    const waiting = async (): Promise<string> =>
      (await scene.fleet.sh(name, `ss -Htln 'sport = :8000'`)).split(/ +/)[1] ?? '';
    await scene.fleet.sh(name, `kill -s STOP ${workers}`);
    await until(`${WAITING} requests wait for ${name}`, 20_000, async () => Number(await waiting()) >= WAITING);
    await scene.fleet.sh(name, `kill -s TERM ${old} && sleep 0.1 && kill -s CONT ${workers}`);
    await until(`${name} serves again`, 20_000, async () => {
      const now = await pidOf(name);
      return now !== '' && now !== old && (await waiting()) !== '';
    });
  }

  /** Twice, with requests in hand: the load's, and a few more, so that each worker of Nginx sees an error. Their master starts others. */
  async function killWorkers(name: string): Promise<void> {
    const target = new URL(`http://${scene.fleet.targets[0]}/slow?ms=3000`);
    for (let time = 0; time < 2; time += 1) {
      const asked = Array.from({ length: 16 }, () =>
        get(target, { headers: { Host: 'shop.example.com' }, agent: false }).on('error', () => {}),
      );
      await pause(500);
      await scene.fleet.sh(name, `kill -s KILL ${await workersOf(name)}`);
      await pause(1000);
      for (const each of asked) each.destroy();
    }
  }
});
