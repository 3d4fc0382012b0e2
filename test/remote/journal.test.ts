import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { run, type Ended } from './stand.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'journal-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const append = (number: string, from: number, lines: readonly string[]): Promise<Ended> =>
  run('journal', [folder, number, String(from)], lines.map((line) => `${line}\n`).join(''));
const file = (number: string): string => join(folder, 'journal', `${number}.ndjson`);
const text = (number: string): string => readFileSync(file(number), 'utf8');
const event = (n: number): string => `{"at":"2026-11-23T10:00:00.000Z","type":"note","text":"no. ${n} 'é \\"$(x)\\\\"}`;
const some = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, at) => event(from + at));
const kept = (): string[] =>
  readdirSync(join(folder, 'journal'))
    .filter((name) => name.endsWith('.ndjson'))
    .toSorted();

test('lines are kept as they are, and nobody else may read them', async () => {
  assert.deepEqual(await append('000007', 0, some(0, 3)), { code: 0, out: 'lines 3\n', err: '' });
  assert.equal((await append('000007', 3, some(3, 5))).out, 'lines 5\n');
  assert.equal(text('000007'), `${some(0, 5).join('\n')}\n`);
  assert.equal(statSync(file('000007')).mode & 0o777, 0o600);
  assert.equal(statSync(join(folder, 'journal')).mode & 0o777, 0o700);
});

test('what comes again, since the link was lost, is there once', async () => {
  await append('000007', 0, some(0, 3));
  assert.equal((await append('000007', 0, some(0, 4))).out, 'lines 4\n');
  assert.equal((await append('000007', 2, some(2, 4))).out, 'lines 4\n');
  assert.equal(text('000007'), `${some(0, 4).join('\n')}\n`);
  const both = await Promise.all([append('000007', 4, some(4, 9)), append('000007', 4, some(4, 9))]);
  assert.deepEqual(
    both.map(({ out }) => out),
    ['lines 9\n', 'lines 9\n'],
  );
  assert.equal(text('000007'), `${some(0, 9).join('\n')}\n`);
});

test('a line that was written in part is written again', async () => {
  await append('000007', 0, some(0, 3));
  appendFileSync(file('000007'), event(3).slice(0, 20));
  assert.equal((await append('000007', 3, some(3, 5))).out, 'lines 5\n');
  assert.equal(text('000007'), `${some(0, 5).join('\n')}\n`);
});

test('a file ends at 1 MB, and says so', async () => {
  const long = `{"at":"x","type":"note","text":"${'x'.repeat(1000)}"}`;
  const first = await append(
    '000007',
    0,
    Array.from({ length: 1500 }, () => long),
  );
  assert.match(first.out, /^lines 10\d\d\nfull\n$/);
  assert.ok(text('000007').length < 1_048_576 + 200);
  const lines = text('000007').trimEnd().split('\n');
  assert.match(
    lines.at(-1) ?? '',
    /^\{"at":"[0-9-]{10}T[0-9:]{8}\.000Z","type":"note","text":"The journal .* ends here/,
  );
  JSON.parse(lines.at(-1) ?? '');
  const before = text('000007');
  assert.match((await append('000007', 1500, [event(1)])).out, /full/);
  assert.equal(text('000007'), before);
});

test('the newest hundred commands stay, and of these what fits in 16 MB', async () => {
  await append('000001', 0, some(0, 1));
  for (let n = 2; n <= 130; n += 1) writeFileSync(file(String(n).padStart(6, '0')), `${event(n)}\n`);
  writeFileSync(join(folder, 'journal', 'notes.txt'), 'mine\n');
  await append('000131', 0, some(0, 1));
  assert.deepEqual([kept().length, kept()[0], kept().at(-1)], [100, '000032.ndjson', '000131.ndjson']);
  assert.deepEqual(
    readdirSync(join(folder, 'journal'))
      .filter((name) => !name.endsWith('.ndjson'))
      .toSorted(),
    ['lock', 'notes.txt'],
  );
  for (let n = 100; n <= 131; n += 1) writeFileSync(file(String(n).padStart(6, '0')), Buffer.alloc(1_000_000, 'x'));
  await append('1000000', 0, some(0, 1));
  assert.equal(kept().length, 17);
  // One that lost the lease long ago may still say what it saw.
  await append('000002', 0, some(0, 1));
  assert.ok(kept().includes('000002.ndjson'));
});

test('what is no number and where nothing can be written is refused', async () => {
  for (const number of ['7', '../../x', '00000a', '', '0000000000000000'])
    assert.equal((await append(number, 0, [])).code, 78, number);
  assert.equal((await run('journal', [folder, '000001', '-1'])).code, 78);
  rmSync(folder, { recursive: true });
  assert.equal((await append('000001', 0, some(0, 1))).code, 78);
});

test(
  'a full disk is told, and what was half written is made good later',
  { skip: process.getuid?.() !== 0 },
  async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]);
    try {
      await append('000007', 0, some(0, 10));
      writeFileSync(join(folder, 'ballast'), Buffer.alloc(44_000));
      const full = await append('000007', 10, some(10, 400));
      assert.equal(full.code, 78);
      assert.match(full.err, /cannot write .*000007.ndjson: [0-9]+ kB are free there/);
      rmSync(join(folder, 'ballast'));
      assert.equal((await append('000007', 10, some(10, 400))).out, 'lines 400\n');
      assert.equal(text('000007'), `${some(0, 400).join('\n')}\n`);
    } finally {
      execFileSync('umount', [folder]);
    }
  },
);

test('history.sh lists the newest and shows one, byte for byte', async () => {
  assert.match((await run('history', ['list', folder, '5'])).out, /^boot [0-9a-f-]+\nuptime [0-9.]+\n$/);
  const end = '{"at":"2026-11-23T10:00:09.000Z","type":"finished","exit":0}';
  await append('000007', 0, [...some(0, 3), end, event(4)]);
  await append('000008', 0, [event(0), `{"at":"x","type":"note","text":"\\"type\\":\\"finished\\","}`]);
  await append('000009', 0, [event(0)]);
  const { out } = await run('history', ['list', folder, '2']);
  assert.deepEqual(out.split('\n').slice(2), [
    'command 000009',
    'lines 1',
    `first ${event(0)}`,
    `last ${event(0)}`,
    'command 000008',
    'lines 2',
    `first ${event(0)}`,
    `last {"at":"x","type":"note","text":"\\"type\\":\\"finished\\","}`,
    '',
  ]);
  const all = await run('history', ['list', folder, '20']);
  assert.ok(all.out.includes(`command 000007\nlines 5\nfirst ${event(0)}\nfinished ${end}\nlast ${event(4)}\n`));
  const shown = await run('history', ['show', folder, '000007']);
  assert.equal(shown.out.split('journal\n')[1], text('000007'));
  assert.doesNotMatch((await run('history', ['show', folder, '000099'])).out, /journal/);
  assert.equal((await run('history', ['show', folder, '../lock'])).code, 78);
});
