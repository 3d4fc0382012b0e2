import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Event } from '../../src/core/event.ts';
import type { Failure } from '../../src/core/failure.ts';
import { story } from '../../src/core/failure.ts';
import type { ReleaseName } from '../fleet/project/make-project.ts';
import { assertNothingLost, pause, setScene, type Ran, type Scene } from './scene.ts';

const ALL = Boolean(process.env['ORCHESTRATE_TEST_ALL']);

/** Tells the messages themselves, for whoever wants to read them. */
const told = (text: string): void => {
  if (process.env['ORCHESTRATE_TEST_TELL'] !== undefined) console.log(text);
};

const failuresOf = ({ events }: Ran): Failure[] =>
  events.flatMap((event) => (event.type === 'failed' ? [event.failure] : []));

/** Who was out of rotation at any time. */
const wereOut = (events: readonly Event[]): string[] => [
  ...new Set(events.flatMap((event) => (event.type === 'rotation' ? event.out : []))),
];

describe('a bad release', () => {
  let scene: Scene;
  let first: string | null;
  before(async () => {
    scene = await setScene({ name: 'b-rel', balancers: 2, backends: 3 });
    await configure();
    first = await one();
  });
  after(() => scene.end());

  const configure = (extra: Parameters<Scene['configure']>[0] = {}): Promise<void> =>
    scene.configure({ health: { host: 'shop.example.com', deadline: '8s' }, ...extra });

  /** The release that every backend runs, all in rotation, healthy and without drift. */
  async function one(): Promise<string | null> {
    const status = await scene.status();
    assert.deepEqual(status.drift, []);
    assert.ok(status.backends.every(({ rotation }) => rotation === 'in'));
    const [release, ...others] = new Set(status.backends.map(({ running }) => running));
    assert.deepEqual(others, []);
    return release ?? null;
  }

  /** Rolls to what can't be rolled to; returns the story of its failure, one text. */
  async function fails(ref: ReleaseName, ...more: string[]): Promise<string> {
    const ran = await scene.expect(1, 'roll', '--ref', ref, '--yes', '--json', ...more);
    const [failure, ...others] = failuresOf(ran);
    assert.ok(failure !== undefined && others.length === 0, ran.stdout);
    const text = story(failure).join('\n');
    told(text);
    assert.equal(failure.host, 'web1');
    assert.deepEqual(wereOut(ran.events), [], 'no host ever left rotation');
    assert.equal(await one(), first);
    const finished = ran.events.at(-1);
    assert.ok(
      finished?.type === 'finished' && /^Not done: .*; the fleet is on one version/.test(finished.summary.sentence),
    );
    return text;
  }

  test('ends before any host leaves rotation, and no user notices', async (t) => {
    const load = await scene.load();
    await pause(1000);

    await t.test('one whose import crashes, with its traceback', async () => {
      const text = await fails('bad-import');
      assert.match(
        text,
        /start it on a free local port .*: the application ended \(exit code 3\) before it answered well/,
      );
      assert.match(
        text,
        /repository\/shop\/wsgi\.py", line \d+[^]*ModuleNotFoundError: No module named 'shop\.payments'/,
      );
      assert.match(text, /What to do: It could not start.* Mend the release and commit, then roll again/);
    });

    await t.test('one whose health check says 503, once its additive migration has been applied', async () => {
      const text = await fails('bad-health-503');
      assert.match(
        text,
        /http:\/\/127\.0\.0\.1:\d+\/healthz \(Host: shop\.example\.com\) answered 503 where 200 was wanted\n/,
      );
      assert.match(text, /the answer began:\n +the payment provider does not answer/);
      assert.match(text, /Service Unavailable: \/healthz/);
      assert.match(text, /What to do: .*mend the release \(or health\.path\)/);
    });

    await t.test('one whose health check redirects', { skip: !ALL }, async () => {
      const text = await fails('bad-health-redirect');
      assert.match(
        text,
        /answered 302 where 200 was wanted, a redirect to https:\/\/shop\.example\.com\/login\?next=\/healthz/,
      );
      assert.match(text, /What to do: A redirect is not health\. .*X-Forwarded-Proto/);
    });

    await t.test('one whose build fails, with the command and what it said', { skip: !ALL }, async () => {
      const text = await fails('bad-build');
      assert.match(text, /^web1: build: .*: failed: python manage\.py collectstatic --noinput\n/);
      assert.match(text, /The file 'orders\/missing\.png' could not be found/);
      assert.deepEqual(await left('bad-build'), ['', '', '']);
    });

    await t.test('one whose requirements can not be installed, with the words of pip', { skip: !ALL }, async () => {
      const text = await fails('bad-requirements');
      assert.match(text, /^web1: build virtual environment [0-9a-f]+ .*: pip could not install requirements\.txt\n/);
      assert.match(text, /No matching distribution found for shop-no-such-package==9\.9/);
      assert.match(text, /What to do: Mend the requirements/);
    });

    await t.test('one whose migration would break the release that serves, with its name and a way out', async () => {
      const text = await fails('bad-migration');
      assert.match(text, /orders\.0003_remove_order_channel: it removes orders\.order\.channel/);
      assert.match(text, /What to do: Split it.*--allow-migration orders\.0003/);
    });

    await pause(1000);
    const report = await scene.report(load);
    assertNothingLost(report);
    assert.deepEqual(Object.keys(report.perRelease), ['v1']);
  });

  /** What each backend has of a release, besides a complete one. */
  const left = (ref: ReleaseName): Promise<string[]> =>
    Promise.all(
      scene.fleet.backends.map(({ name }) =>
        scene.fleet.sh(
          name,
          `cd /srv/www/shop && find . -maxdepth 1 -name '*-${scene.project.commits[ref].slice(0, 7)}'`,
        ),
      ),
    );

  /** Lets one release be ill on one backend alone: a machine of which it can't bear something. */
  async function ill(host: string, ref: ReleaseName): Promise<void> {
    const code = `-${scene.project.commits[ref].slice(0, 7)}/repository`;
    const lines = [
      'import os',
      `if os.path.realpath(".").endswith("${code}"):`,
      '    os.environ["PGHOST"] = "127.0.0.1"',
    ];
    await scene.fleet.sh(
      host,
      'cd /srv/www/shop/shared && mkdir -p ill && cat >ill/sitecustomize.py && cp -p env env.well && echo PYTHONPATH=/srv/www/shop/shared/ill >>env',
      `${lines.join('\n')}\n`,
    );
  }
  const well = (host: string): Promise<string> => scene.fleet.sh(host, 'cd /srv/www/shop/shared && mv env.well env');

  test('that is ill on one backend only is taken back everywhere, and no user notices', async () => {
    await ill('web2', 'v2');
    const { report, result } = await scene.underLoad(() => scene.expect(1, 'roll', '--ref', 'v2', '--yes', '--json'));
    await well('web2');
    assertNothingLost(report);
    assert.ok((report.perRelease['v2'] ?? 0) > 0, 'web1 served it for a while');
    const [failure, ...others] = failuresOf(result);
    assert.ok(failure !== undefined && others.length === 0);
    const text = story(failure).join('\n');
    told(text);
    const url = `http://${scene.fleet.addressOf('web2')}:8000/healthz`;
    assert.match(text, /^web2: ask web2 from lb1 and lb2: \/healthz: asked from lb[12], /);
    assert.ok(text.includes(`${url} (Host: shop.example.com) answered 500; wanted 200`), text);
    assert.match(text, /the answer began:\n[^]*<!doctype html>[^]*the end of the application's log:\n/);
    assert.match(text, /OperationalError: connection to server at "127\.0\.0\.1"/);
    assert.ok(result.events.some(({ type }) => type === 'going back'));
    assert.deepEqual(wereOut(result.events).toSorted(), ['web1', 'web2'], 'web3 was never touched');
    assert.equal(await one(), first);
  });

  test(
    'whose migration a person allowed is rolled; when it fails after that, nothing goes back by itself',
    { skip: !ALL },
    async () => {
      await ill('web2', 'bad-migration');
      const roll = ['roll', '--ref', 'bad-migration', '--allow-migration', 'orders.0003', '--yes', '--json'];
      const { report, result } = await scene.underLoad(() => scene.expect(4, ...roll));
      await well('web2');
      assertNothingLost(report);
      assert.ok(!result.events.some(({ type }) => type === 'going back'));
      const notes = result.events.flatMap((event) => (event.type === 'note' ? [event.text] : [])).join('\n');
      told(notes);
      assert.match(notes, /A migration that is not additive has been applied: .* nothing is put back by itself/);
      const status = await scene.status();
      assert.deepEqual(
        status.backends.map(({ rotation, running }) => [rotation, running === first]),
        [
          ['in', false],
          ['out', false],
          ['in', true],
        ],
      );
      assert.match(status.drift.join('\n'), /the fleet is mixed/);
      assert.match(
        status.unfinished ?? '',
        /began `roll --ref bad-migration` .* and has not finished it: 2 of its 3 hosts/,
      );

      // What was in its way is mended: the same command ends what it began.
      await scene.expect(0, ...roll);
      assert.notEqual(await one(), first);

      const refused = await scene.expect(3, 'rollback', '--dry-run');
      assert.match(
        refused.stderr,
        /A migration that is not additive came with \S+: \S+ may not work with the database/,
      );
      // Not one of those that failed, though every host has them complete.
      const back = await scene.expect(0, 'rollback', '--across-migration', '--dry-run');
      assert.ok(back.stdout.startsWith(`back to ${first} on web1, web2 and web3\n`), back.stdout);
    },
  );
});
