import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until } from '../fleet/hosts/shell.ts';
import type { Failure, Report } from '../fleet/load/report.ts';
import { addBlog, ask, Readers } from './blog.ts';
import { assertNothingLost, pause, setScene, type Ran, type Scene } from './scene.ts';

const ALL = Boolean(process.env['ORCHESTRATE_TEST_ALL']);

describe('two backends, of which one is the balancer too, and an ssh user whose files are private', () => {
  let scene: Scene;
  before(async () => {
    scene = await setScene({ name: 'c-both', balancers: 1, backends: 2, both: true, umask: '077' });
  });
  after(() => scene.end());

  /** A roll in which every drain meets requests that take long. */
  async function acrossDrains(ms: number, ...roll: string[]): Promise<Ran> {
    const long: Promise<string>[] = [];
    const { report, result } = await scene.underLoad(async () => {
      const stop = slowly(scene, ms, long);
      const ran = await scene.expect(0, ...roll).finally(stop);
      assert.deepEqual(new Set(await Promise.all(long)), new Set([`slept ${ms} ms\n`]));
      return ran;
    });
    assertNothingLost(report);
    return result;
  }

  test('are rolled without a loss, and a request of a few seconds ends on the backend where it began', async () => {
    const ran = await acrossDrains(4000, 'roll', '--ref', 'v2', '--yes', '--json');
    assert.ok(longest(ran, 'no request is left') > 1000, 'a drain waited for it');
    assert.deepEqual((await scene.status()).drift, []);
  });

  test('are rolled beside a second app on the same Nginx, and neither moves the other', async () => {
    const blog = await addBlog(scene.fleet);
    const readers = new Readers(scene.fleet);
    const { report, result } = await scene
      .underLoad(async () => {
        const rolled = scene.expect(0, 'roll', '--ref', 'v1', '--yes');
        const [times] = await Promise.all([outAndIn(blog), rolled]);
        return times;
      })
      .finally(() => readers.stop());
    assertNothingLost(report);
    assert.deepEqual(readers.between(0, Infinity), ['lb1', 'web1']);
    assert.deepEqual(readers.between(result.out, result.enabled), ['lb1']);
    assert.deepEqual((await scene.status()).drift, []);
  });

  async function outAndIn(blog: string): Promise<{ out: number; enabled: number }> {
    await scene.expect(0, '-i', blog, 'drain', 'web1', '--yes');
    const out = Date.now();
    await pause(1000);
    const enabled = Date.now();
    await scene.expect(0, '-i', blog, 'enable', 'web1', '--yes');
    return { out, enabled };
  }

  test('are rolled across a request of 40 seconds', { skip: !ALL }, async () => {
    await scene.configure({ drain: { deadline: '60s' } });
    const ran = await acrossDrains(40_000, 'roll', '--ref', 'v2', '--yes', '--json');
    assert.ok(longest(ran, 'no request is left') > 30_000, 'a drain waited for it');
  });
});

describe('three backends whose configuration is fixed', () => {
  let scene: Scene;
  before(async () => {
    scene = await setScene({ name: 'c-fixed', balancers: 1, backends: 3, configuration: 'fixed' });
    await scene.configure({ ssh: { keepalive: '1s', connect_timeout: '2s' }, roll: { min_in_rotation: 1 } });
  });
  after(() => scene.end());

  test('are rolled while one is out by a person’s word: it gets the release and stays out', async () => {
    await scene.expect(0, 'drain', 'web2', '--reason', 'a new disk', '--yes');
    const { report } = await scene.underLoad(() => scene.expect(0, 'roll', '--ref', 'v2', '--yes'));
    assertNothingLost(report);
    const { backends, drift } = await scene.status();
    assert.deepEqual(drift, []);
    assert.deepEqual(
      backends.map(({ name, rotation, reason }) => [name, rotation, reason]),
      [
        ['web1', 'in', null],
        ['web2', 'out', 'a new disk'],
        ['web3', 'in', null],
      ],
    );
    assert.equal(new Set(backends.map(({ running }) => running)).size, 1);
    await scene.expect(0, 'enable', 'web2', '--yes');
  });

  test('are rolled while somebody else reloads Nginx and rotates its logs: the reloads lose what they always lose, the roll nothing', async (t) => {
    const perReload: number[] = [];
    const run = async (work: () => Promise<unknown>): Promise<void> => {
      const reloads: Reload[] = [];
      const { report } = await scene.underLoad(async () => {
        const done = new AbortController();
        const disturbed = disturb(scene, reloads, done.signal);
        await work().finally(() => done.abort());
        await disturbed;
      });
      t.diagnostic(
        `${reloads.length} reloads: ${report.failed.length} of ${report.sent} lost: ${JSON.stringify(report.byKind)}`,
      );
      assert.ok(reloads.length > 0);
      const others = report.failed.filter((failure) => !ofReload(failure, report, reloads));
      assert.deepEqual(others, []);
      perReload.push(report.failed.length / reloads.length);
    };
    await run(() => scene.expect(0, 'roll', '--ref', 'v1', '--yes'));
    if (ALL) {
      await run(() => pause(10_000));
      const [rolled = 0, still = 0] = perReload;
      assert.ok(rolled <= still * 2 + 5, `${rolled} lost for each reload in a roll, ${still} without one`);
    }
    assert.deepEqual((await scene.status()).drift, []);
  });

  test('end on one release when one dies during another’s drain, and lose only what was on its way to the dead one', async (t) => {
    const ran = (await scene.status()).backends.map(({ running }) => running);
    assert.equal(new Set(ran).size, 1);
    const run = async (work: (cut: () => Promise<void>) => Promise<unknown>): Promise<void> => {
      let at = 0;
      const cut = async (): Promise<void> => {
        at = Date.now();
        await scene.fleet.cut('web3');
      };
      const { report } = await scene.underLoad(() => work(cut));
      t.diagnostic(`${report.failed.length} of ${report.sent} lost: ${JSON.stringify(report.byKind)}`);
      const others = report.failed.filter((failure) => !ofDeath(failure, report, at));
      assert.deepEqual(others, []);
      assert.ok(report.failed.length <= 12, 'no more than was on its way');
    };
    if (ALL) {
      await run(async (cut) => {
        await cut();
        await pause(5000);
      });
      await scene.fleet.heal('web3');
      await pause(2000);
    }
    await run(async (cut) => {
      const rolled = scene.expect(1, 'roll', '--ref', 'v2', '--yes');
      await until('web1 is out', 60_000, async () =>
        (await scene.fleet.sh('lb1', 'readlink /var/lib/orchestrate/shop/live/stable')).endsWith('/out-web1'),
      );
      await cut();
      await rolled;
    });
    const { backends } = await scene.status();
    assert.deepEqual(
      backends.map(({ name, rotation, running }) => [name, rotation, running]),
      [
        ['web1', 'in', ran[0]],
        ['web2', 'in', ran[0]],
        ['web3', 'out', null],
      ],
    );
    await scene.fleet.heal('web3');
    // Until it is known again where that address is.
    await pause(2000);
    await scene.expect(0, 'enable', 'web3', '--yes');
    const { drift, exit } = await scene.status();
    assert.deepEqual(drift, []);
    assert.equal(exit, 0);
  });
});

/** The longest of a command's steps that say these words, in milliseconds. */
function longest(ran: Ran, words: string): number {
  return Math.max(
    0,
    ...ran.events.map((event) => (event.type === 'step' && event.say.includes(words) ? (event.took ?? 0) : 0)),
  );
}

/** Six requests at any time that take so many milliseconds each, kept in `asked`. Returns how to send no more. */
function slowly(scene: Scene, ms: number, asked: Promise<string>[]): () => void {
  const [target = ''] = scene.fleet.targets;
  const one = (): void => void asked.push(ask(target, `/slow?ms=${ms}`, 'shop.example.com').catch(String));
  one();
  const timer = setInterval(one, ms / 6);
  return () => clearInterval(timer);
}

/** From when it was asked for to when the last worker of before had been told to end, which takes its time where the machine is busy. */
interface Reload {
  readonly from: number;
  readonly to: number;
}

/** Until it is stopped: each second or two a reload, as certbot's after a renewal, or a rotation of the logs, as logrotate does it. */
async function disturb(scene: Scene, reloads: Reload[], stop: AbortSignal): Promise<void> {
  for (let time = 0; !stop.aborted; time += 1) {
    await pause(500 + Math.random() * 1500);
    if (time % 2 === 0) reloads.push(await reload(scene));
    else
      await scene.fleet.sh(
        'lb1',
        'for log in /var/log/nginx/*.json /var/log/nginx/error.log; do mv "$log" "$log.1"; done; kill -s USR1 "$(cat /run/nginx.pid)"',
      );
  }
}

async function reload(scene: Scene): Promise<Reload> {
  const serving = (): Promise<string> =>
    scene.fleet.sh('lb1', `ps -o pid=,args= --ppid "$(cat /run/nginx.pid)" | awk '/worker process$/ { print $1 }'`);
  const old = (await serving()).split('\n');
  const from = Date.now();
  await scene.fleet.sh('lb1', 'nginx -s reload');
  await until('the workers of before end', 30_000, async () => {
    const now = new Set((await serving()).split('\n'));
    return !old.some((pid) => now.has(pid));
  });
  return { from, to: Date.now() };
}

/** Whether a loss is one that a reload makes: the worker of before closed the connection on which the request was on its way. */
function ofReload(failure: Failure, report: Report, reloads: readonly Reload[]): boolean {
  const due = report.startedAt + failure.at;
  return (
    ['reset on a kept-alive connection', 'closed without an answer'].includes(failure.kind) &&
    reloads.some(({ from, to }) => due > from - 500 && due < to + 1500)
  );
}

/** Whether a loss is one that a host's death makes: nobody answered what was on its way to it. (Uploads were due seconds before.) */
function ofDeath(failure: Failure, report: Report, at: number): boolean {
  const due = report.startedAt + failure.at;
  return failure.kind === 'timed out' && due > at - 3500 && due < at + 1500;
}
