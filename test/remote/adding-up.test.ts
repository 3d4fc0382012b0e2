import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseFollowed, type Followed } from '../../src/core/canary/followed.ts';
import { binOf } from '../../src/core/verdict/bins.ts';
import { logLine } from './log-line.ts';
import { run } from './stand.ts';

const part = readFileSync(new URL('../../src/remote/adding-up.sh', import.meta.url), 'utf8');

/** The windows of 5 s that lines make, up to `end`. Arms: `c:1` and `c:2` are the canary, `b:1` and `b:2` the baseline. */
function windowsOf(
  lines: readonly string[],
  end = 1100,
  start: number | null = 1000,
  ab: readonly string[] = [],
): Followed[] {
  const ran = spawnSync(
    'sh',
    [
      '-c',
      `${part}\nadding_up "$@"`,
      'x',
      'c:1=canary c:2=canary b:1=baseline b:2=baseline',
      '/healthz',
      '5',
      '',
      ...ab,
    ],
    {
      input: [
        ...(start === null ? [] : [`@ tick ${start}`]),
        '@ live 000042 10 1',
        ...lines,
        '',
        `@ tick ${end}`,
        '',
      ].join('\n'),
      encoding: 'utf8',
    },
  );
  assert.equal(ran.stderr, '');
  return ran.stdout
    .trim()
    .split('\n')
    .map((line) => parseFollowed(line) ?? assert.fail(line));
}

const counted = ({ upstreams }: Followed): string[] =>
  upstreams.map(({ address, n, errors, errors_all: all, times }) =>
    `${address} ${n} ${errors}/${all} ${times.map(([bin, many]) => `${bin}x${many}`).join(' ')}`.trim(),
  );

test("each attempt is its own upstream's; what is no answer is an error, except where the client gave up", () => {
  const [window] = windowsOf([
    logLine({ time: 1000.5, client: '1' }),
    logLine({
      time: 1001,
      client: '2',
      upstream: 'c:1, b:1',
      status: '200',
      answered: '502, 200',
      took: '0.001, 0.050',
    }),
    logLine({ time: 1002, client: '3', upstream: 'c:1', status: '504', answered: '-' }),
    logLine({ time: 1003, client: '4', upstream: 'c:2', status: '499', answered: '-', took: '-', request: '7.000' }),
    logLine({ time: 1003, client: '5', upstream: 'c:2', status: '101' }),
    logLine({ time: 1003, client: '6', upstream: 'c:2', stream: '1', took: '900.000' }),
    logLine({ time: 1003, client: '7', upstream: 'x:9' }),
    logLine({ time: 1003, client: '8', upstream: '', status: '404', answered: '' }),
  ]);
  assert.ok(window);
  assert.deepEqual(counted(window), ['c:1 2 2/2', `c:2 3 0/0 ${binOf(7000)}x1`, `b:1 2 0/0 ${binOf(50)}x2`]);
  assert.deepEqual([window.generation, window.buckets, window.lines, window.strange], [42, 10, 8, 0]);
});

test('a client errs once in a whole canary, whichever arm that was in; its times count once a window', () => {
  const windows = windowsOf(
    [1000, 1001, 1006].flatMap((time) => [
      logLine({ time, upstream: 'c:1', status: '500' }),
      logLine({ time, upstream: 'b:1', status: '500' }),
      logLine({ time, upstream: 'c:2', took: '0.020' }),
      logLine({ time, upstream: 'c:2', took: '0.020', lane: '08' }),
      logLine({ time, upstream: 'c:1', took: '0.040' }),
    ]),
  );
  assert.deepEqual(windows.slice(0, 2).map(counted), [
    ['c:1 4 1/2', `c:2 4 0/0 ${binOf(20)}x2`, 'b:1 2 0/2'],
    ['c:1 2 0/1', `c:2 2 0/0 ${binOf(20)}x2`, 'b:1 1 0/1'],
  ]);
  assert.deepEqual(windows.map(({ clients }) => clients).slice(0, 2), [
    { canary: 2, baseline: 1 },
    { canary: 0, baseline: 0 },
  ]);
});

test('health probes and who chose by a header are in none of it; strange lines are counted', () => {
  const [window] = windowsOf([
    logLine({ time: 1000, uri: '/healthz' }),
    logLine({ time: 1000, uri: '/healthz?deep' }),
    logLine({ time: 1000, lane: 'canary' }),
    logLine({ time: 1000, lane: 'stable' }),
    logLine({ time: 1000, uri: '/healthzy' }),
    '{"remote_addr":"10.0.0.1"}',
    'no JSON "at" all',
    logLine({ time: 1000, client: 'a', uri: '/\\"}' }),
  ]);
  assert.ok(window);
  assert.deepEqual(counted(window), [`b:1 2 0/0 ${binOf(50)}x2`]);
  assert.equal(window.strange, 2);
});

test('a line is counted once wherever the end of what was written cuts it', () => {
  const line = logLine({ time: 1000, client: 'cut', uri: '/a?b="}' });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: line.length }), (at) => {
      const [window] = windowsOf([
        logLine({ time: 1000 }),
        line.slice(0, at),
        '@ tick 1001',
        line.slice(at),
        logLine({ time: 1001, client: 'after' }),
      ]);
      return window?.upstreams[0]?.n === 3;
    }),
    { numRuns: 60 },
  );
});

test('a piece whose rest never comes is one strange line, and the next one counts', () => {
  const [window] = windowsOf([logLine({ time: 1000 }).slice(0, 60), '@ tick 1001', logLine({ time: 1000 })]);
  assert.deepEqual([window?.upstreams[0]?.n, window?.strange], [1, 1]);
});

test('what came before the first tick is told, though seconds passed until then', () => {
  const windows = windowsOf([logLine({ time: 1001 }), logLine({ time: 1002 }), '@ tick 1013'], 1026, null);
  assert.deepEqual(
    windows.map(({ t, upstreams }) => [t, upstreams[0]?.n ?? 0]),
    [
      [1000, 2],
      [1005, 0],
      [1010, 0],
      [1015, 0],
      [1020, 0],
    ],
  );
});

test('late lines are in the next window; windows in which nobody came are told; a change and a gap mark theirs', () => {
  const windows = windowsOf(
    [
      logLine({ time: 1000 }),
      '@ tick 1006',
      logLine({ time: 1004.9, client: 'late' }),
      '@ live 000043 25 1011',
      '@ gap 1016',
      '@ tick 1018',
    ],
    1026,
  );
  assert.deepEqual(
    windows.map(({ t, generation, buckets, moved, gap, upstreams }) => [
      t,
      generation,
      buckets,
      moved,
      gap,
      upstreams[0]?.n ?? 0,
    ]),
    [
      [1000, 42, 10, 0, 0, 1],
      [1005, 43, 25, 1, 0, 1],
      [1010, 43, 25, 1, 1, 0],
      [1015, 43, 25, 0, 1, 0],
      [1020, 43, 25, 0, 0, 0],
    ],
  );
});

test('times fall into the bins that the verdict knows', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 700_000 }), { minLength: 1, maxLength: 50 }), (list) => {
      const [window] = windowsOf(
        list.map((ms, at) => logLine({ time: 1000, client: String(at), took: (ms / 1000).toFixed(3) })),
      );
      const found = new Map(window?.upstreams[0]?.times);
      for (const ms of list) found.set(binOf(ms), (found.get(binOf(ms)) ?? 0) - 1);
      return [...found.values()].every((left) => left === 0);
    }),
    { numRuns: 50 },
  );
});

test('what users met in the last hour, for the forecast of a canary', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'before-'));
  try {
    const log = join(folder, 'shop.json');
    const now = Math.floor(Date.now() / 1000);
    const lines = [now - 7200, now - 600, now - 10].map((time, at) =>
      logLine({ time, client: String(at), upstream: `b:${at}` }),
    );
    writeFileSync(log, `${lines.join('\n')}\n`);
    const { out, code } = await run('before-canary', [log, '/healthz', '50000', 'b:0', 'b:1', 'b:2']);
    assert.equal(code, 0);
    const [first, at, window = ''] = out.trim().split('\n');
    assert.equal(first, `first ${now - 600}`);
    assert.match(at ?? '', /^now \d+$/);
    const read = parseFollowed(window);
    assert.deepEqual(
      read?.upstreams.map(({ address, n }) => [address, n]),
      [
        ['b:1', 1],
        ['b:2', 1],
      ],
    );
    assert.equal(read.lines, 2);
    assert.equal((await run('before-canary', [join(folder, 'none'), '/healthz', '10', 'b:0'])).code, 78);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('in an A/B window a client comes once, and comes to a goal once, whichever host and whoever follows', () => {
  const folder = mkdtempSync(join(tmpdir(), 'reached-'));
  try {
    const file = join(folder, 'reached');
    const goals = 'order POST ^/checkout/(done|paid)$ read - ^/article/[0-9]+';
    const of = (...lines: string[]): Pick<Followed, 'clients' | 'goals'>[] =>
      windowsOf(lines, 1006, 1000, [goals, file]).map(({ clients, goals: came }) => ({
        clients,
        ...(came === undefined ? {} : { goals: came }),
      }));
    const order = { method: 'POST', uri: '/checkout/done', status: '302' };
    const first = of(
      logLine({ time: 1000, client: '1', upstream: 'c:1', ...order }),
      logLine({ time: 1001, client: '1', upstream: 'c:2', ...order }),
      logLine({ time: 1001, client: '2', upstream: 'b:1', ...order, status: '500' }),
      logLine({ time: 1001, client: '7', upstream: 'b:1', ...order, arm: '' }),
      logLine({ time: 1001, client: '3', upstream: 'b:1', ...order, method: 'GET' }),
      logLine({ time: 1001, client: '4', upstream: 'b:1', uri: '/article/77?x=1' }),
      logLine({ time: 1001, client: '5', upstream: 'c:1, b:2', answered: '502, 200', took: '0.1, 0.1', ...order }),
    );
    assert.deepEqual(first[0], {
      clients: { canary: 1, baseline: 4 },
      goals: { order: { canary: 1, baseline: 1 }, read: { canary: 0, baseline: 1 } },
    });
    // One that was started again knows who came before.
    const second = of(
      logLine({ time: 1000, client: '1', upstream: 'c:1', ...order }),
      logLine({ time: 1000, client: '6', upstream: 'c:1', ...order }),
    );
    assert.deepEqual(second[0], {
      clients: { canary: 1, baseline: 0 },
      goals: { order: { canary: 1, baseline: 0 }, read: { canary: 0, baseline: 0 } },
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
