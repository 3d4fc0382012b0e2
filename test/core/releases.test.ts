import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBackendFacts } from '../../src/core/backend-facts.ts';
import type { FleetFacts } from '../../src/core/facts.ts';
import { formatRelease } from '../../src/core/release.ts';
import { releasesLines, releasesOf } from '../../src/core/releases.ts';
import { inventoryOf } from './inventory/world.ts';

const inventory = inventoryOf({
  backends: '{ web1: { address: 10.0.0.11 }, web2: { address: 10.0.0.12 }, web3: { address: 10.0.0.13 } }',
});
const [OLD, NEW] = ['20261122-0900-0a0a0a0', '20261123-0214-1a2b3c4'] as const;
const KEY = '0123456789abcdef';

const manifest = (release: string): string =>
  formatRelease({
    version: 1,
    release,
    commit: release.slice(-7).padEnd(40, '0'),
    ref: 'main',
    subject: `Subject of \u001b[31m${release.slice(-7)}`,
    author: 'A',
    committed: '2026-11-22T08:00:00Z',
    built: `2026-11-${release.slice(6, 8)}T02:14:00Z`,
    virtualenv: KEY,
  }).trim();

function seen(lines: readonly string[]): FleetFacts['backends'][string] {
  const facts = parseBackendFacts(
    ['boot x', 'uptime 100.0', 'root writable /srv/www/shop', `virtualenv ${KEY}`, ...lines].join('\n'),
  );
  if ('problem' in facts) throw new Error(facts.problem);
  return { kind: 'seen', facts };
}

const backends: FleetFacts['backends'] = {
  web1: seen([
    `release ${OLD} ${manifest(OLD)}`,
    `release ${NEW} ${manifest(NEW)}`,
    `current ${NEW}`,
    `previous ${OLD}`,
    `master 8000 12 3400 /srv/www/shop/${NEW}/repository`,
  ]),
  web2: seen([
    `release ${OLD} ${manifest(OLD)}`,
    `current ${NEW}`,
    `incomplete ${NEW}`,
    `master 8000 12 3400 /srv/www/shop/${OLD}/repository`,
  ]),
  web3: { kind: 'unreachable', reason: 'it has no route to it' },
};

test('one table: each release, where it is, runs, and is linked', () => {
  const releases = releasesOf(inventory, { balancers: {}, backends });
  assert.deepEqual(releasesLines(releases), [
    'RELEASE                BUILT (UTC)       COMMIT   ON     RUNS ON  CURRENT  PREVIOUS  SUBJECT',
    '20261123-0214-1a2b3c4  2026-11-23 02:14  1a2b3c4  web1   web1     all 2    -         Subject of 1a2b3c4',
    '20261122-0900-0a0a0a0  2026-11-22 02:14  0a0a0a0  all 2  web2     -        web1      Subject of 0a0a0a0',
    `web2 runs ${OLD}, and its link \`current\` names ${NEW}`,
    `web2 has half-made releases: ${NEW} (orchestrate prune removes them)`,
    'web3 could not be looked at: it has no route to it',
  ]);
  assert.deepEqual(
    releases.hosts.map(({ host, runs, complete }) => [host, runs, complete]),
    [
      ['web1', NEW, [OLD, NEW]],
      ['web2', OLD, [OLD]],
      ['web3', null, []],
    ],
  );
});

test('a fleet without any', () => {
  const none = releasesOf(inventory, { balancers: {}, backends: { web1: seen([]), web2: seen([]), web3: seen([]) } });
  assert.deepEqual(releasesLines(none), ['shop: no release is on any host yet']);
});

test('where this machine builds, what lies here is told beside the backends', () => {
  const here = inventoryOf({
    backends: '{ web1: { address: 10.0.0.11 }, web2: { address: 10.0.0.12 } }',
    build: '{ builder: local }',
  });
  const { web1 = seen([]), web2 = seen([]) } = backends;
  const local = seen([`release ${NEW} ${manifest(NEW)}`, `release ${OLD} ${manifest(OLD)}`]);
  const rows = releasesLines(releasesOf(here, { balancers: {}, backends: { web1, web2, local } }));
  assert.match(rows[1] ?? '', / 1a2b3c4  web1 and local +web1 /);
  assert.match(rows[2] ?? '', / 0a0a0a0  all 2 and local +web2 /);
});
