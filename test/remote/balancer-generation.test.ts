import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { parseBalancerFacts } from '../../src/core/balancer-facts.ts';
import { world } from '../core/routing/world.ts';
import { recordOf, run, until } from './stand.ts';

let folder: string;
let sequence: number;
const inventory = world(['web1', 'web2', 'web3']);
const fence = (token = 1, holder = 'ada'): string[] => [folder, String(token), String((sequence += 1)), holder];
const prepare = (number: string, group: string, record = recordOf(inventory, Number(number), group)) =>
  run('prepare', [...fence(), number, `stable=${group}`], record);
const flip = (from: string, to: string) => run('flip', [...fence(), from, to]);
const at = (...parts: string[]): string => join(folder, ...parts);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'generation-'));
  sequence = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a generation is whole: every lane leads to a folder, others get x and no more, whatever the umask', async () => {
  const args = [...fence(), '000007', 'stable=out-web1', 'canary=canary-only-web1', '42=canary-only-web1'];
  const { code, out } = await run('prepare', args, recordOf(inventory, 7, 'out-web1'));
  assert.deepEqual([code, out], [0, 'prepared 000007\n']);
  const lanes = readdirSync(at('generations/000007')).filter((name) => !['self', 'record.json'].includes(name));
  assert.equal(lanes.length, 102);
  for (const lane of lanes) {
    const group = ['canary', '42'].includes(lane) ? 'canary-only-web1' : 'out-web1';
    assert.equal(realpathSync(at('generations/000007', lane)), realpathSync(at('groups', group)), lane);
  }
  assert.equal(readlinkSync(at('generations/000007/stable')), '../../groups/out-web1');
  for (const path of [
    '',
    'generations',
    'generations/000007',
    'generations/000007/self',
    'groups',
    'groups/out-web1',
  ]) {
    assert.equal(lstatSync(at(path)).mode & 0o777, 0o711, path);
  }
  assert.equal(lstatSync(at('generations/000007/record.json')).mode & 0o777, 0o640);
  assert.equal(existsSync(at('live')), false);
});

test('preparing again is well, a leftover that differs is replaced, what serves is never touched', async () => {
  await prepare('000001', 'all');
  const before = lstatSync(at('generations/000001')).ino;
  assert.equal((await prepare('000001', 'all')).code, 0);
  assert.equal(lstatSync(at('generations/000001')).ino, before);
  assert.equal((await prepare('000001', 'out-web1')).code, 0);
  assert.equal(readlinkSync(at('generations/000001/stable')), '../../groups/out-web1');
  assert.equal((await flip('none', '000001')).code, 0);
  assert.equal((await prepare('000001', 'out-web1')).code, 0);
  const refused = await prepare('000001', 'all');
  assert.equal(refused.code, 77);
  assert.match(refused.err, /serves already/);
  assert.equal(readlinkSync(at('live/stable')), '../../groups/out-web1');
});

test('a flip compares what it was told to expect, and met again it is done', async () => {
  await prepare('000001', 'all');
  await prepare('000002', 'out-web1');
  assert.equal((await flip('none', '000001')).out, 'live 000001\n');
  const moved = await flip('none', '000002');
  assert.deepEqual([moved.code, moved.err], [77, 'generation 000001 serves, not none\n']);
  assert.equal((await flip('000001', '000002')).code, 0);
  assert.equal((await flip('000001', '000002')).code, 0);
  assert.equal(readlinkSync(at('live')), 'generations/000002');
  assert.equal((await flip('000002', '000003')).code, 78);
  assert.equal((await flip('000002', '../etc00')).code, 78);
});

test('a lane that leads nowhere, or through a folder that workers may not pass, is not flipped to', async () => {
  await prepare('000001', 'all');
  await flip('none', '000001');
  await prepare('000002', 'out-web1');
  unlinkSync(at('generations/000002/37'));
  symlinkSync('../../groups/gone', at('generations/000002/37'));
  const dangling = await flip('000001', '000002');
  assert.equal(dangling.code, 78);
  assert.match(dangling.err, /behind 37$/m);
  await prepare('000003', 'out-web1');
  rmSync(at('groups/out-web1'), { recursive: true });
  mkdirSync(at('groups/out-web1'), { mode: 0o700 });
  assert.equal((await flip('000001', '000003')).code, 78);
  assert.equal(readlinkSync(at('live')), 'generations/000001');
});

test('hostile names make nothing', async () => {
  for (const args of [
    ['000001', 'stable=../../etc'],
    ['000001', 'stable=all', '../x=all'],
    ['000001', 'stable=$(touch x)'],
    ['1', 'stable=all'],
    ['000001/../../x', 'stable=all'],
    ['000001', 'canary=all'],
  ]) {
    const { code } = await run('prepare', [...fence(), ...args], recordOf(inventory, 1, 'all'));
    assert.equal(code, 78, args.join(' '));
  }
  assert.equal((await run('prepare', [...fence(), '000001', 'stable=all'], '')).code, 78);
  assert.equal(existsSync(at('generations/000001')), false);
});

test('the last fifty generations stay, and the young, and the one that serves; leftovers go', async () => {
  await prepare('000001', 'all');
  await flip('none', '000001');
  for (let number = 2; number <= 60; number += 1) {
    const path = at('generations', String(number).padStart(6, '0'));
    mkdirSync(path);
    if (number !== 5) utimesSync(path, 1e9, 1e9);
  }
  utimesSync(at('generations/000001'), 1e9, 1e9);
  mkdirSync(at('generations/new-000044'));
  symlinkSync('x', at('live.123'));
  await flip('none', '000001');
  const left = readdirSync(at('generations'));
  assert.deepEqual(left.toSorted(), [
    '000001',
    '000005',
    ...Array.from({ length: 50 }, (_, n) => String(n + 11).padStart(6, '0')),
  ]);
  assert.equal(existsSync(at('live.123')), false);
});

const move = (token: number, holder: string, from: string, to: string) =>
  run('move', [...fence(token, holder), from, to, 'stable=all'], recordOf(inventory, Number(to), 'all'));

test('a move is prepare and flip in one; the fence stops whoever comes late', async () => {
  assert.equal((await move(1, 'ada', 'none', '000001')).out, 'live 000001\n');
  assert.equal((await move(2, 'bob', '000001', '000002')).code, 0);
  const late = await move(1, 'ada', '000002', '000003');
  assert.equal(late.code, 75);
  assert.match(late.err, /another operator has taken over/);
  assert.equal((await move(2, 'eve', '000002', '000003')).code, 75);
  assert.equal((await move(2, 'bob', '000001', '000003')).code, 77);
  assert.equal(existsSync(at('generations/000003')), false);
  assert.deepEqual((await run('fence', [folder, '3', '1', 'cy'])).out, `fence 2 5 bob\n`);
  assert.equal((await run('fence', [folder, '3', '1', 'cy'])).code, 75);
});

test('the barrier waits for what an earlier call has in hand', async () => {
  const slow = spawn('sh', ['-c', `exec 9>>"${folder}/lock"; flock 9; sleep 0.5`], { stdio: 'ignore' });
  let ended = false;
  void once(slow, 'close').then(() => (ended = true));
  await until(() => existsSync(at('lock')));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal((await run('fence', fence())).code, 0);
  await until(() => ended, 100);
});

test('the barrier waits as long as it is told, and says that it waits', async () => {
  const slow = spawn('sh', ['-c', `exec 9>>"${folder}/lock"; flock 9; echo; exec sleep 6`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(slow.stdout, 'data');
  const [short, long] = await Promise.all([run('fence', [...fence(), '1']), run('fence', [...fence(), '20'])]);
  assert.deepEqual([short.code, short.err.trim()], [76, `another script holds ${folder}/lock for more than 1 s`]);
  assert.equal(long.code, 0);
  assert.equal(long.err, `another script has ${folder}/lock: waiting for its end, 20 s at the most\n`);
});

test('observing tells what is so, and what a hand changed', async () => {
  const observe = async () => {
    const { out, code } = await run('observe-balancer', [folder, at('shop.conf'), '-', at('nginx.pid')]);
    assert.equal(code, 0);
    return parseBalancerFacts(out, null);
  };
  const none = await observe();
  assert.deepEqual(
    [none.live, none.highest, none.record, none.file, none.text, none.problems],
    [null, 0, null, 'missing', null, []],
  );
  assert.ok(none.uptime > 0);
  await prepare('000009', 'all');
  await flip('none', '000009');
  await prepare('000010', 'out-web1');
  await run('lease', ['acquire', folder, 'ada', '1', '30', '{"by":"ada@x","command":"roll","since":"now"}']);
  writeFileSync(at('shop.conf'), 'upstream x { }\n'.repeat(1000));
  const seen = await observe();
  assert.deepEqual([seen.live, seen.highest, seen.folder, seen.lanes], [9, 10, 'writable', { stable: 'all' }]);
  assert.deepEqual(seen.record, JSON.parse(recordOf(inventory, 9, 'all')));
  assert.deepEqual([...seen.prepared.keys()], [9, 10]);
  assert.equal(seen.lease?.holder, 'ada');
  assert.deepEqual(seen.fence, { token: 1, sequence: 3, holder: 'ada' });
  assert.equal(seen.text, readFileSync(at('shop.conf'), 'utf8'));
  assert.deepEqual(seen.problems, []);

  unlinkSync(at('live/stable'));
  symlinkSync('../../groups/out-web1', at('live/stable'));
  assert.match((await observe()).problems.join(), /changed by hand/);
  writeFileSync(at('live/record.json'), '{"version":1}');
  assert.match((await observe()).problems.join(), /not well formed/);
  unlinkSync(at('live'));
  symlinkSync('/etc', at('live'));
  assert.match((await observe()).problems.join(), /names no generation/);
});
