import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runLoad } from './load/generator.ts';
import { type Plants, siteReleases, type Site, startHonestSite } from './load/honest-site.ts';
import { startLoad } from './load/load.ts';
import { assertNothingLost, latencyBetween, type Report, withLedger } from './load/report.ts';

const short = { fetchWithin: 300, uploadTakes: [200, 400], slow: [50, 150], connections: 110, timeout: 5000 } as const;

const nowAndThen = (every: number): (() => boolean) => {
  let count = 0;
  return () => (count += 1) % every === 0;
};

async function under(plants: Plants, seconds = 1): Promise<Report> {
  const site: Site = await startHonestSite(plants);
  try {
    const shares = { page: 0.55, static: 0.15, slow: 0.05, order: 0.2, upload: 0.05 };
    const load = await runLoad({
      targets: [site.target],
      releases: siteReleases,
      seconds,
      mix: { ...short, shares, ...(plants.neverAnswer && { timeout: 800 }) },
    });
    return withLedger(await load.done, site.rows);
  } finally {
    await site.close();
  }
}

test('an honest site loses nothing, and most connections are idle', async () => {
  const report = await under({}, 2);
  assertNothingLost(report);
  assert.ok(report.sent > 280 && report.sent < 360, `${report.sent} requests in 2 s at 160 a second`);
  assert.equal(report.connections.opened, 110, 'each connection was kept alive to the end');
  assert.equal(report.connections.closedWhileIdle, 0);
  assert.deepEqual(Object.keys(report.perRelease), ['v1']);
  const { p50 } = report.latency;
  assert.ok(p50 >= 40, `clients are 20 ms away, each way: ${p50} ms`);
  assert.ok(latencyBetween(report, 0.99, 0, 1000) > 0);
  assert.equal(
    report.perSecond.reduce((sum, second) => sum + second.sent, 0),
    report.sent,
  );
});

const planted: [string, Plants, string, number?][] = [
  ['a status 502', { badGateway: nowAndThen(40) }, 'status 502'],
  ['a wrong stylesheet', { stylesheet: nowAndThen(3) }, 'wrong answer'],
  ['a release that nobody rolled', { wrongRelease: nowAndThen(30) }, 'wrong answer'],
  ['an order stored twice', { doubleOrder: nowAndThen(10) }, 'order doubled'],
  ['an acknowledged order that was not stored', { forgetOrder: nowAndThen(10) }, 'order missing'],
  ['a dropped upload', { dropUpload: nowAndThen(2) }, 'closed without an answer'],
  ['silence', { neverAnswer: nowAndThen(60) }, 'timed out'],
];

for (const [what, plants, kind] of planted) {
  test(`${what} makes the load fail`, async () => {
    const report = await under(plants);
    const found = Object.keys(report.byKind);
    const alike = kind === 'closed without an answer' ? [kind, 'reset on a kept-alive connection'] : [kind];
    assert.ok(found.length > 0 && found.every((other) => alike.includes(other)), JSON.stringify(report.byKind));
    assert.throws(() => assertNothingLost(report), new RegExp(found[0]!));
    if (kind === 'order doubled') assert.equal(report.doubled, report.failed.length);
  });
}

test('connections that the server closes at random are found out: a reload has nothing to hide behind', async () => {
  let turn = 0;
  const report = await under({ closeAfter: () => [null, 20, 90, 230][(turn += 1) % 4]! }, 2);
  assert.ok((report.byKind['reset on a kept-alive connection'] ?? 0) > 0, JSON.stringify(report.byKind));
  assert.ok(report.connections.closedWhileIdle > 20, 'most closes reach the client in time, and are no loss');
  assert.throws(() => assertNothingLost(report), /reset on a kept-alive connection: (GET|POST) http/);
});

test('an announced close is no loss', async () => {
  const report = await under({ announceClose: nowAndThen(3) });
  assertNothingLost(report);
  assert.ok(report.connections.opened > 130, `${report.connections.opened} opened`);
});

test('a target that refuses connections makes the load fail', async () => {
  const site = await startHonestSite();
  await site.close();
  const load = await runLoad({
    targets: [site.target],
    releases: siteReleases,
    seconds: 0.3,
    mix: { ...short, delay: 0 },
  });
  const report = await load.done;
  assert.equal(report.byKind['could not connect'], report.sent);
});

test('a load that sent nothing, or whose ledger nobody read, proves nothing', async () => {
  const report = await under({}, 0.01);
  assert.throws(() => assertNothingLost({ ...report, failed: [] }), /proves nothing/);
  const whole = await under({});
  assert.throws(() => assertNothingLost({ ...whole, ledger: null }), /nobody looked into the database/);
});

test('as a process of its own: counters as it runs, ended early, with its report', async () => {
  const site = await startHonestSite();
  const lines: number[] = [];
  const options = { targets: [site.target], releases: siteReleases, mix: short, seed: 7, run: 'own' };
  const load = await startLoad({ ...options, onLive: ({ sent }) => lines.push(sent) });
  while (lines.length < 5) await new Promise((resolve) => setTimeout(resolve, 50));
  const report = withLedger(await load.stop(), site.rows);
  await site.close();
  assert.equal(report.failed.length, 0, JSON.stringify(report.failed.slice(0, 3)));
  assert.ok(report.sent > 100 && report.sent >= lines.at(-1)!);
  assert.deepEqual(
    lines,
    lines.toSorted((a, b) => a - b),
  );
  assert.ok([...site.rows.keys()].every((id) => id.startsWith('own-')));
});

test('a load that cannot start says why', async () => {
  await assert.rejects(
    startLoad({ targets: ['nowhere'], releases: siteReleases }).then((load) => load.done),
    /nowhere/,
  );
});
