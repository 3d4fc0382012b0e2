import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseBackendFacts, runningRelease, type BackendFacts } from '../../src/core/backend-facts.ts';
import { formatRelease } from '../../src/core/release.ts';

const V1 = '20261123-0101-aaaaaaa';
const V2 = '20261123-0202-bbbbbbb';
const KEY = '0123456789abcdef';
const ROOT = '/srv/www/shop';

const manifest = (release: string, virtualenv = KEY): string =>
  formatRelease({
    version: 1,
    release,
    commit: release.slice(-7).padEnd(40, '0'),
    ref: 'main',
    subject: 's',
    author: 'a',
    committed: '2026-11-23T01:00:00Z',
    built: '2026-11-23T01:01:00Z',
    virtualenv,
  }).trim();

const LINES = [
  'boot b1',
  'uptime 1000.50',
  'user deploy',
  'python 3.11.2',
  'platform linux-x86_64 glibc 2.36',
  `root writable ${ROOT}`,
  'free 1000000 500',
  'fence 7 3 b3f1',
  `current ${V1}`,
  `previous ${ROOT}/${V2}/`,
  `release ${V2} ${manifest(V2)}`,
  `release ${V1} ${manifest(V1)}`,
  `virtualenv ${KEY}`,
  'run writable',
  'slot 8000 ../current',
  'wrapper 8000 10',
  'listening 8000',
  `master 8000 11 90000 ${ROOT}/${V1}/repository`,
  `worker 8000 12 90010 ${ROOT}/${V1}/repository`,
  `command 8000 /usr/bin/python3 gunicorn shop.wsgi `,
];

function read(lines: readonly string[]): BackendFacts {
  const facts = parseBackendFacts(`${lines.join('\n')}\n`);
  assert.ok(!('problem' in facts), 'problem' in facts ? facts.problem : '');
  return facts;
}

/** The example's facts with lines of some keys replaced by others. */
const changed = (keys: readonly string[], lines: readonly string[]): BackendFacts =>
  read([...LINES.filter((line) => !keys.includes(line.split(' ', 1)[0] ?? '')), ...lines]);

const running = (facts: BackendFacts): string | null => runningRelease(facts, 8000);

test('a backend as it should be', () => {
  const facts = read(LINES);
  assert.deepEqual(
    facts.releases.map(({ release }) => release),
    [V1, V2],
  );
  assert.deepEqual([facts.current, facts.previous, facts.problems, facts.incomplete], [V1, V2, [], []]);
  assert.deepEqual(facts.fence, { token: 7, sequence: 3, holder: 'b3f1' });
  assert.deepEqual(facts.slots, [
    {
      port: 8000,
      link: '../current',
      serves: V1,
      wrapper: 10,
      master: { pid: 11, start: 900, cwd: `${ROOT}/${V1}/repository` },
      workers: [{ pid: 12, start: 900.1, cwd: `${ROOT}/${V1}/repository` }],
      command: '/usr/bin/python3 gunicorn shop.wsgi',
      through: [],
      listening: true,
      linger: null,
    },
  ]);
  assert.equal(running(facts), V1);
  assert.equal(runningRelease(facts, 9000), null);
});

test('what runs is told by the processes alone', () => {
  const processes = ['master', 'worker'];
  assert.equal(running(changed(['current'], [`current ${V2}`])), V1);
  assert.equal(running(changed([...processes, 'listening'], [])), null);
  assert.equal(running(changed(processes, [])), 'unsure');
  assert.equal(running(changed(processes, [`master 8000 11 1 ${ROOT}/${V1}/repository (deleted)`])), V1);
  assert.equal(running(changed(processes, [`master 8000 11 1 ${ROOT}/${V2}`])), V2);
  for (const cwd of ['-', '/', `${ROOT}/current`, `${ROOT}2/${V1}`, `/srv/www/${V1}`, ROOT])
    assert.equal(running(changed(processes, [`master 8000 11 1 ${cwd}`])), 'unsure', cwd);
  assert.equal(running(changed(['worker'], [`worker 8000 12 1 ${ROOT}/${V2}/repository`])), 'unsure');
  assert.equal(running(read([...LINES, `through 8000 --chdir=${ROOT}/current`])), 'unsure');
});

test('what can not be so is a problem, and no complete release', () => {
  const problems = (keys: readonly string[], lines: readonly string[]): string =>
    changed(keys, lines).problems.join('\n');
  assert.match(problems(['current'], ['current elsewhere']), /^the link current names no release: elsewhere$/);
  assert.match(problems(['previous'], ['previous (no link)']), /^the link previous names no release/);
  assert.match(problems(['virtualenv'], []), /has lost its virtual environment/);
  assert.match(problems([], [`release 20261123-0303-ccccccc ${manifest(V1)}`]), /holds release 20261123-0101/);
  assert.match(problems([], ['release 20261123-0303-ccccccc {']), /is not JSON/);
  const facts = changed(['release'], [`release ${V1} {}`, 'incomplete ../../etc', `incomplete ${V2}`]);
  assert.deepEqual([facts.releases, facts.incomplete], [[], [V1, V2]]);
});

const serves = (target: string): string | null | undefined =>
  changed(['slot'], [`slot 8000 ${target}`]).slots[0]?.serves;

test('a slot may name its release itself', () => {
  assert.equal(serves(`../${V2}`), V2);
  assert.equal(serves(`${ROOT}/${V2}`), V2);
  assert.equal(serves(`${ROOT}/current`), V1);
  assert.equal(serves('../../elsewhere'), null);
});

test('without uptime or folders it is a problem in words', () => {
  for (const key of ['boot', 'uptime', 'root'])
    assert.ok('problem' in parseBackendFacts(LINES.filter((line) => !line.startsWith(`${key} `)).join('\n')));
  assert.ok('problem' in parseBackendFacts(''));
});

test('nothing that a host may print makes it throw', () => {
  const words = fc.constantFrom(
    'boot',
    'uptime',
    'root',
    'slot',
    'master',
    'worker',
    'through',
    'release',
    'current',
    'fence',
    'free',
  );
  const value = fc.oneof(fc.string(), fc.constantFrom(...LINES.map((line) => line.slice(line.indexOf(' ') + 1))));
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom(...LINES),
    fc.tuple(words, value).map((pair) => pair.join(' ')),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), fc.boolean(), (lines, whole) => {
      const facts = parseBackendFacts([...(whole ? LINES : []), ...lines].join('\n'));
      if ('problem' in facts) return;
      for (const { port } of facts.slots) runningRelease(facts, port);
      for (const { release } of facts.releases) assert.match(release, /^\d{8}-\d{4}-[0-9a-f]{7}$/);
    }),
    { numRuns: 500 },
  );
});
