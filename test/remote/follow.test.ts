import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { parseWatched, type Followed, type Watched } from '../../src/core/canary/followed.ts';
import { logLine } from './log-line.ts';
import { run, Stand, until } from './stand.ts';

let root: string;
let folder: string;
let log: string;
let sequence: number;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'follow-'));
  folder = join(root, 'shop');
  log = join(root, 'shop.json');
  sequence = 0;
  for (const generation of ['000001', '000002', '000003']) {
    mkdirSync(join(folder, 'generations', generation, 'self'), { recursive: true });
    mkdirSync(join(folder, 'groups', 'all'), { recursive: true });
    symlinkSync('../../groups/all', join(folder, 'generations', generation, 'stable'));
    writeFileSync(join(folder, 'generations', generation, 'record.json'), '{}');
  }
  symlinkSync('generations/000001', join(folder, 'live'));
  writeFileSync(log, logLine({ time: 1, client: 'before' }));
});
afterEach(async () => {
  await fenced('follow', 'end');
  // It ends within a second, and writes in its folder until then.
  await until(async () => (await run('watch', [folder, 'c1', '0', '1000', 'read'])).out.startsWith('following no'));
  rmSync(root, { recursive: true, force: true });
});

const fenced = (name: string, ...args: string[]) =>
  run(name, [folder, '1', String((sequence += 1)), 'tester', ...args]);
const begin = (name = 'c1', width = '1') =>
  fenced('follow', 'begin', name, log, '/healthz', width, '-', 'b:1=baseline', 'c:1=canary');
async function watch(offset = 0, how: 'watch' | 'read' = 'watch', most = 1_000_000): Promise<Watched> {
  const ran = await run('watch', [folder, 'c1', String(offset), String(most), how]);
  assert.equal(ran.code, 0, ran.err);
  const read = parseWatched(ran.out);
  assert.ok(!('problem' in read), ran.out);
  return read;
}
const now = (): number => Date.now() / 1000;
const add = (client: string, file = log): void => appendFileSync(file, `${logLine({ time: now(), client })}\n`);
const all = (windows: readonly Followed[]): number =>
  windows.reduce((sum, { upstreams }) => sum + (upstreams[0]?.n ?? 0), 0);
const told = async (many: number): Promise<Watched> => {
  await until(async () => all((await watch()).windows) >= many, 12_000);
  return watch();
};

test('nothing is lost or counted twice over half-written lines, rotation by rename and by truncation', async () => {
  assert.equal((await begin()).code, 0);
  await until(async () => (await watch()).windows.length > 0, 10_000);
  add('1');
  const half = `${logLine({ time: now(), client: '2' })}\n`;
  appendFileSync(log, half.slice(0, 70));
  await new Promise((resolve) => setTimeout(resolve, 1300));
  appendFileSync(log, half.slice(70));
  renameSync(log, `${log}.1`);
  add('3', `${log}.1`);
  writeFileSync(log, '');
  add('4');
  await told(4);
  // Nginx has not been told yet.
  add('5', `${log}.1`);
  add('6');
  assert.equal(
    (await told(6)).windows.some(({ gap }) => gap === 1),
    false,
  );
  truncateSync(log, 0);
  await new Promise((resolve) => setTimeout(resolve, 2300));
  add('7');
  const end = await told(7);
  assert.equal(all(end.windows), 7);
  assert.equal(
    end.windows.some(({ gap }) => gap === 1),
    true,
  );
  assert.deepEqual(new Set(end.windows.map(({ generation, buckets }) => `${generation} ${buckets}`)), new Set(['1 0']));
});

test('a watcher that comes back reads on where it was, whole windows only', async () => {
  await begin();
  add('1');
  await told(1);
  const whole = (await watch()).windows;
  let at = 0;
  const found: Followed[] = [];
  for (let looks = 0; looks < 100 && found.length < whole.length; looks += 1) {
    const look = await watch(at, 'read', 300);
    assert.equal(look.odd, 0);
    found.push(...look.windows);
    at = look.at;
  }
  assert.deepEqual(found.slice(0, whole.length), whole);
});

test('another canary begins anew; one that is not followed is not watched', async () => {
  await begin('earlier');
  await until(() => existsSync(join(folder, 'follow', 'windows')), 5000);
  assert.equal((await run('watch', [folder, 'c1', '0', '1000', 'watch'])).code, 77);
  assert.equal((await begin()).code, 0);
  add('1');
  assert.equal(all((await told(1)).windows), 1);
  assert.equal((await fenced('follow', 'begin', 'c2', join(root, 'none'), '/', '1', '-', 'b:1=baseline')).code, 78);
});

test('a follower that was killed is started again by the next look, and says that it missed something', async () => {
  await begin();
  add('1');
  await told(1);
  const running = join(folder, 'follow', 'running');
  const pids = readdirSync('/proc').filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) &&
        readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === running)
      );
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
  for (const pid of pids) process.kill(Number(pid), 'SIGKILL');
  await until(async () => !(await watch(0, 'read')).following, 3000);
  await watch();
  await until(async () => (await watch(0, 'read')).following, 3000);
  await until(async () => ((await watch()).windows.at(-1)?.t ?? 0) >= Math.floor(now()) - 3, 8000);
  add('2');
  const { windows } = await told(2);
  assert.equal(
    windows.some(({ gap }) => gap === 1),
    true,
  );
});

const live = (): string => readlinkSync(join(folder, 'live'));
/** As if nobody had looked for so many seconds. */
function leave(seconds: number): void {
  const [boot, at] = readFileSync(join(folder, 'follow', 'watched'), 'utf8')
    .trim()
    .split(' ');
  writeFileSync(join(folder, 'follow', 'watched'), `${boot} ${Number(at) - seconds}\n`);
}
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('when nobody watches for two minutes, everybody is sent back', async () => {
  await begin();
  assert.equal((await fenced('arm', '000001', '000002')).code, 0);
  assert.equal((await watch(0, 'read')).armed, true);
  leave(110);
  await pause(2500);
  assert.equal(live(), 'generations/000001');
  leave(11);
  await until(() => live() === 'generations/000002', 5000);
  await until(() => /^000002 [0-9a-f]{64}$/m.test(readFileSync(join(folder, 'flipped'), 'utf8')));
  await until(
    async () => (await watch(0, 'read')).windows.some(({ generation, moved }) => generation === 2 && moved === 1),
    8000,
  );
  assert.equal((await watch(0, 'read')).armed, false);
});

test('an A/B window ends at its time, whoever watches; not before, and not for one who took the lease since', async () => {
  await begin();
  assert.equal((await fenced('arm', '000001', '000002', '4')).code, 0);
  leave(300);
  await pause(1500);
  assert.equal(live(), 'generations/000001');
  await watch();
  await until(() => live() === 'generations/000002', 6000);
  assert.equal((await fenced('arm', '000002', '000003', '1')).code, 0);
  await fenced('fence');
  await pause(3000);
  assert.equal(live(), 'generations/000002');
});

test('whoever watches, has taken the lease since, or has moved the traffic disarms it', async () => {
  await begin();
  assert.equal((await fenced('arm', '000002', '000003')).code, 77);
  assert.equal((await fenced('arm', '000001', '000009')).code, 78);
  await fenced('arm', '000001', '000002');
  leave(300);
  await watch();
  await pause(2000);
  assert.equal(live(), 'generations/000001');
  await fenced('fence');
  assert.equal((await watch(0, 'read')).armed, false);
  leave(300);
  await pause(2500);
  assert.equal(live(), 'generations/000001');
});

test('what a real Nginx logs under a split is counted, arm by arm', async () => {
  const stand = new Stand();
  try {
    const shop = await stand.app('shop', 2);
    await stand.start();
    const buckets = Array.from({ length: 100 }, (_, at) => String(at).padStart(2, '0'));
    const table = [
      'stable=stable-out-web2',
      ...buckets.slice(0, 40).map((lane) => `${lane}=canary-out-web1`),
      ...buckets.slice(40).map((lane) => `${lane}=stable-out-web2`),
    ];
    assert.equal((await stand.move(shop, 'none', '000001', ...table)).code, 0);
    await stand.ask(shop, '/');
    const arms = shop.backends.map(({ slots }, at) => `127.0.0.1:${slots[0]}=${at === 0 ? 'baseline' : 'canary'}`);
    const args = ['begin', 'c1', shop.nginx.access_log, '/healthz', '1', '-', ...arms];
    const ran = await run('follow', [...stand.fence(shop), ...args]);
    assert.equal(ran.code, 0, ran.err);
    const look = async (): Promise<Followed[]> => {
      const read = parseWatched((await run('watch', [shop.nginx.folder, 'c1', '0', '1000000', 'watch'])).out);
      assert.ok(!('problem' in read));
      return [...read.windows];
    };
    await until(async () => (await look()).length > 0, 10_000);
    for (let at = 0; at < 100; at += 1)
      await stand.ask(shop, at % 10 === 0 ? '/?status=503&"}' : '/?wait=20', {
        headers: { cookie: `shop_bucket=${buckets[at]}` },
      });
    const sums = async (): Promise<Record<string, number[]>> => {
      const found: Record<string, number[]> = {};
      for (const { upstreams } of await look())
        for (const { address, n, errors, errors_all: every, times } of upstreams) {
          const before = found[address] ?? [0, 0, 0, 0];
          const timed = times.reduce((sum, [bin, many]) => sum + (bin > 55 ? many : 0), 0);
          found[address] = [n, errors, every, timed].map((value, index) => value + (before[index] ?? 0));
        }
      return found;
    };
    await until(async () => Object.values(await sums()).reduce((sum, [n = 0]) => sum + n, 0) >= 100, 10_000);
    const found = await sums();
    const [baseline, canary] = arms.map((arm) => found[arm.split('=')[0]!]);
    // By the bucket of the cookie a client is known: each errs once.
    assert.deepEqual(
      [canary, baseline],
      [
        [40, 4, 4, 36],
        [60, 6, 6, 54],
      ],
    );
    const windows = await look();
    assert.equal(windows.at(-1)?.buckets, 40);
    assert.equal(
      windows.reduce((sum, { strange }) => sum + strange, 0),
      0,
    );
    await run('follow', [...stand.fence(shop), 'end']);
    await until(async () =>
      (await run('watch', [shop.nginx.folder, 'c1', '0', '1', 'read'])).out.startsWith('following no'),
    );
  } finally {
    await stand.close();
  }
});
