import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { formatDetails, parseLease, remaining, type Lease } from '../../src/core/lease.ts';
import { run, until, type Ended } from './stand.ts';

let folder: string;
const details = formatDetails({
  by: 'ada@laptop',
  command: `roll "--ref" \\'",details":{}}`,
  since: '2026-11-23T02:14:00Z',
});
const lease = (action: string, ...args: string[]) => run('lease', [action, folder, ...args]);
const acquire = (holder: string, token: number, term = 30) =>
  lease('acquire', holder, String(token), String(term), details);

const told = ({ out }: Ended): { lease: Lease; seconds: number } => {
  const value = (key: string): string => new RegExp(`^${key} (.*)$`, 'm').exec(out)?.[1] ?? '';
  const read = parseLease(value('lease'));
  assert.ok('lease' in read, out);
  const host = { boot: value('boot'), uptime: Number(value('uptime')) };
  return { lease: read.lease, seconds: remaining(read.lease, host) };
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lease-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a lease is one holder’s until it is given up, and its token is never used again', async () => {
  assert.doesNotMatch((await lease('show')).out, /^lease/m);
  const taken = told(await acquire('ada', 1));
  assert.deepEqual([taken.lease.holder, taken.lease.details.command], ['ada', `roll "--ref" \\'",details":{}}`]);
  assert.ok(taken.seconds > 28 && taken.seconds <= 31);
  const refused = await acquire('bob', 2);
  assert.equal(refused.code, 76);
  assert.equal(told(refused).lease.holder, 'ada');
  assert.equal((await acquire('ada', 1)).code, 0);
  const renewed = await lease('renew', 'ada', '1', '90');
  assert.ok(told(renewed).seconds > 80);
  assert.equal(told(renewed).lease.details.command, taken.lease.details.command);
  assert.equal((await lease('renew', 'ada', '2', '90')).code, 75);
  assert.equal((await lease('release', 'bob', '1')).code, 0);
  assert.equal(told(await lease('show')).lease.holder, 'ada');
  assert.equal(told(await lease('release', 'ada', '1')).seconds, 0);
  assert.equal((await lease('renew', 'ada', '1', '30')).code, 75);
  assert.equal((await acquire('bob', 1)).code, 75);
  assert.equal(told(await acquire('bob', 2)).lease.holder, 'bob');
});

test('a lease whose holder does not renew lapses, and its holder can no longer renew once another has it', async () => {
  await acquire('ada', 1, 0);
  await until(async () => (await acquire('bob', 2)).code === 0);
  const late = await lease('renew', 'ada', '1', '30');
  assert.equal(late.code, 75);
  assert.equal(told(late).lease.holder, 'bob');
});

test('a token must be above the fence’s too', async () => {
  await run('fence', [folder, '7', '3', 'cy']);
  assert.equal((await acquire('ada', 7)).code, 75);
  assert.equal((await acquire('cy', 7)).code, 0);
  assert.match((await lease('show')).out, /^fence 7 3 cy$/m);
});

const leave = (term: number, end: number): void =>
  writeFileSync(
    join(folder, 'lease.json'),
    `{"token":4,"holder":"ada","term":${term},"boot":"0-0","until":${end},"details":{"by":"","command":"","since":""}}\n`,
  );

test('after a reboot a lease runs one term from boot', async () => {
  const uptime = Number(readFileSync('/proc/uptime', 'utf8').split('.')[0]);
  leave(uptime + 500, 3);
  const refused = await acquire('bob', 5);
  assert.equal(refused.code, 76);
  assert.ok(told(refused).seconds > 490);
  leave(uptime + 500, 0);
  assert.equal((await acquire('bob', 5)).code, 0);
  leave(1, uptime + 500);
  assert.equal((await acquire('bob', 5)).code, 0);
});

test('what is no lease, and where none can be written, is refused', async () => {
  writeFileSync(join(folder, 'lease.json'), 'hello\n');
  assert.equal((await acquire('ada', 1)).code, 78);
  rmSync(join(folder, 'lease.json'));
  for (const [holder, token, term] of [
    ['a b', '1', '30'],
    ['ada', 'x', '30'],
    ['ada', '1', '-1'],
    ['', '1', '1'],
  ] as const) {
    assert.equal((await lease('acquire', holder, token, term, details)).code, 78);
  }
  assert.equal((await lease('acquire', 'ada', '1', '30', 'words')).code, 78);
  if (process.getuid?.() !== 0) {
    chmodSync(folder, 0o500);
    assert.equal((await acquire('ada', 1)).code, 78);
    chmodSync(folder, 0o700);
  }
});

test('many at once: one gets it', async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => acquire(`holder-${n}`, 1)));
  assert.deepEqual(
    answers.map(({ code }) => code ?? -1).toSorted((a, b) => a - b),
    [0, 76, 76, 76, 76, 76, 76, 76],
  );
});
