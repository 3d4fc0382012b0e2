import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Event } from '../../src/core/event.ts';
import { story } from '../../src/core/failure.ts';
import { assertNothingLost, pause, setScene, type Ran, type Scene } from './scene.ts';
import { changes, stateOf } from './still.ts';

const ALL = Boolean(process.env['ORCHESTRATE_TEST_ALL']);

/** Host-seconds out of rotation, by what a command told of its end. */
const outFor = ({ events }: Ran): number =>
  events
    .flatMap((event) => (event.type === 'finished' ? event.summary.hosts : []))
    .reduce((sum, { out }) => sum + out, 0);

const phases = (events: readonly Event[]): string[] =>
  events.flatMap((event) => (event.type === 'phase' ? [event.name] : []));

const seconds = (from: Event | undefined, to: Event | undefined): number =>
  (Date.parse(to?.at ?? '') - Date.parse(from?.at ?? '')) / 1000;
const took = ({ events }: Ran): number => seconds(events[0], events.at(-1));
/** From the beginning of the first batch to the end of the last flip. */
const moved = ({ events }: Ran): number =>
  seconds(
    events.find((event) => event.type === 'phase' && event.name === 'batch'),
    events.findLast((event) => event.type === 'rotation'),
  );

// A mixed fleet, which `managed` has here, takes as long again.
for (const configuration of ALL ? (['fixed', 'managed'] as const) : (['fixed'] as const))
  describe(`two slots a host, ${configuration}`, () => {
    let scene: Scene;
    before(async () => {
      const two = configuration === 'managed' ? ['web1', 'web2'] : ['web1', 'web2', 'web3'];
      scene = await setScene({ name: `slots-${configuration}`, balancers: 2, backends: 3, configuration, two });
    });
    after(() => scene.end());

    /** What serves everywhere, without drift. */
    async function serving(): Promise<string | null> {
      const status = await scene.status();
      assert.deepEqual(status.drift, []);
      const [release, ...others] = new Set(status.backends.map(({ running }) => running));
      assert.deepEqual(others, []);
      return release ?? null;
    }

    /** Ports that something listens on. */
    async function listening(host: string): Promise<string[]> {
      const said = await scene.fleet.sh(
        host,
        "ss -Htln '( sport = :8000 or sport = :8001 )' | sed 's/.*:\\(800[01]\\) .*/\\1/'",
      );
      return said.split('\n').filter(Boolean).toSorted();
    }

    test('a roll starts the release beside the other, moves over, and goes back with one flip: not one request is lost', async (t) => {
      const v1 = await serving();
      const { report, result } = await scene.underLoad(async () => {
        const there = await scene.expect(0, 'roll', '--ref', 'v2', '--batch', '1', '--yes', '--json');
        const between = await scene.status();
        const back = await scene.expect(0, 'rollback', '--yes', '--json');
        return { there, between, back };
      });
      assertNothingLost(report);
      assert.ok((report.perRelease['v1'] ?? 0) > 0 && (report.perRelease['v2'] ?? 0) > 0);
      const { there, between, back } = result;
      for (const [name, ran] of Object.entries({ roll: there, rollback: back }))
        t.diagnostic(`${name}: ${took(ran)} s, traffic moved within ${moved(ran)} s, out ${outFor(ran) / 1000} s`);
      assert.deepEqual(
        between.back.map(({ release, on }) => [release, on]),
        [[v1, configuration === 'managed' ? ['web1', 'web2'] : ['web1', 'web2', 'web3']]],
      );
      assert.ok(phases(there.events).includes('start'));
      if (configuration === 'fixed') {
        assert.equal(outFor(there) + outFor(back), 0, 'no host is ever out');
        assert.deepEqual(
          phases(back.events).filter((name) => name === 'flip'),
          ['flip'],
        );
      }
      assert.equal(await serving(), v1);
      assert.deepEqual(await listening('web1'), ['8000', '8001']);
    });

    if (configuration === 'managed') return;

    test('a release that is ill meets no user, and is stopped', async () => {
      const former = await serving();
      await scene.configure({ health: { host: 'shop.example.com', deadline: '6s' }, rehearse: { on: 'none' } });
      const { report } = await scene.underLoad(() =>
        scene.expect(1, 'roll', '--ref', 'bad-health-503', '--yes', '--json'),
      );
      assertNothingLost(report);
      assert.deepEqual(Object.keys(report.perRelease), ['v1']);
      assert.equal(await serving(), former);
      assert.deepEqual(await listening('web1'), ['8000']);
      await scene.configure({});
    });

    /** A roll that is refused says so, and changes nothing. */
    async function refused(...says: readonly RegExp[]): Promise<void> {
      const was = await stateOf(scene.fleet);
      const { code, stdout, stderr } = await scene.orchestrate('roll', '--ref', 'v2', '--yes');
      const text = stdout + stderr;
      if (process.env['ORCHESTRATE_TEST_TELL'] !== undefined) console.log(text);
      assert.equal(code, 3, text);
      for (const pattern of says) assert.match(text, pattern);
      assert.deepEqual(changes(was, await stateOf(scene.fleet)), [], 'nothing was changed');
    }

    test('a host without the memory for both is named with the figures, before anything starts', async () => {
      await scene.fleet.sh(
        'web2',
        "sed 's/^MemAvailable:.*/MemAvailable: 30000 kB/' /proc/meminfo >/run/meminfo && mount --bind /run/meminfo /proc/meminfo",
      );
      try {
        await refused(
          /web2: .*: 30 MB of memory are free, and another application beside the one on port 8000, which takes \d+ MB, may need \d+ MB/,
          /What to do: Give that host more memory; or one slot \(`slots: \[8000\]` beside its address\)/,
        );
        const check = await scene.orchestrate('check');
        assert.match(check.stdout, /30 MB of memory are free, and the application on port 8000 takes \d+ MB/);
      } finally {
        await scene.fleet.sh('web2', 'umount /proc/meminfo');
      }
    });

    test('a second slot whose wrapper does not run is named, before anything starts', async () => {
      await scene.fleet.sh('web2', 'supervisorctl stop shop-8001');
      try {
        await refused(
          /web2: .*: no wrapper runs for port 8001 \(\/run\/shop\/8001\.slot\)/,
          /What to do: `orchestrate check` has the line .* With two slots, one will do for that host/,
        );
      } finally {
        await scene.fleet.sh('web2', 'supervisorctl start shop-8001');
      }
    });

    test('a port that something else listens on is named, before anything starts', async () => {
      await scene.fleet.sh(
        'web3',
        'setsid python3 -m http.server 8001 </dev/null >/dev/null 2>&1 & echo $! >/run/other.pid; sleep 1',
      );
      try {
        await refused(
          /Something listens where the next release is to start, and it is no release of this app/,
          /web3: port 8001/,
          /What to do: .*`ss -ltnp`.*End it, or take another port, or one slot/,
        );
      } finally {
        await scene.fleet.sh('web3', 'kill "$(cat /run/other.pid)"');
      }
    });

    test("a release that can't run beside the other is told in its own words, with the way out", async () => {
      const former = await serving();
      await scene.configure({ health: { host: 'shop.example.com', deadline: '6s' }, rehearse: { on: 'none' } });
      for (const { name } of scene.fleet.backends)
        await scene.fleet.sh(
          name,
          'cp /run/shop/8000.pid /srv/www/shop/shared/mails.lock && chown deploy /srv/www/shop/shared/mails.lock',
        );
      const { report, result } = await scene.underLoad(() =>
        scene.expect(1, 'roll', '--ref', 'exclusive', '--yes', '--json'),
      );
      assertNothingLost(report);
      assert.deepEqual(Object.keys(report.perRelease), ['v1']);
      const [failure] = result.events.flatMap((event) => (event.type === 'failed' ? [event.failure] : []));
      assert.ok(failure !== undefined);
      const text = story(failure).join('\n');
      if (process.env['ORCHESTRATE_TEST_TELL'] !== undefined) console.log(text);
      assert.match(text, /^(web[1-3]): (start \S+ on port 8001 of \1|ask \1, port 8001, from .*): /);
      assert.match(text, /RuntimeError: process \d+ has \/srv\/www\/shop\/shared\/mails\.lock/);
      assert.match(text, /What to do: .*can't run beside the release that serves.*service\.slots: \[8000\]/);
      assert.equal(await serving(), former);
      assert.deepEqual(await listening('web1'), ['8000']);
      await scene.configure({});
    });

    test('what lingers ends by itself when its time is over, though nobody is there', { skip: !ALL }, async () => {
      const longer = await scene.expect(0, 'plan', '--ref', 'v3', '--linger', '2d');
      assert.match(
        longer.stdout,
        /--linger is longer than a day: all that time each host holds two releases in memory/,
      );
      await scene.expect(0, 'roll', '--ref', 'v3', '--batch', '100%', '--linger', '4s', '--yes');
      assert.deepEqual(await listening('web2'), ['8000', '8001']);
      await pause(9000);
      assert.deepEqual(await listening('web2'), ['8001']);
      const status = await scene.status();
      assert.deepEqual([status.drift, status.back], [[], []]);
    });
  });
