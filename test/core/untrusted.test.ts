import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseBackendFacts } from '../../src/core/backend-facts.ts';
import { parseBakeCounts, strataOf } from '../../src/core/bake.ts';
import { parseBalancerFacts } from '../../src/core/balancer-facts.ts';
import { reportLines, reportOf, type Check } from '../../src/core/checks.ts';
import { accessLogChecks } from '../../src/core/checks/access-log.ts';
import { backendChecks } from '../../src/core/checks/backend.ts';
import { balancerChecks } from '../../src/core/checks/balancer.ts';
import { readLines } from '../../src/core/checks/lines.ts';
import { routingChecks } from '../../src/core/checks/routing.ts';
import { serviceChecks } from '../../src/core/checks/service.ts';
import { sudoChecks } from '../../src/core/checks/sudo.ts';
import type { Answers } from '../../src/core/facts.ts';
import { parseLease } from '../../src/core/lease.ts';
import { judgeMigrations } from '../../src/core/migrations.ts';
import { planRollback } from '../../src/core/planning/rollback.ts';
import { planDrain, planEnable } from '../../src/core/planning/rotation.ts';
import { formatRecord, parseRecord } from '../../src/core/record.ts';
import { formatRelease, parseRelease } from '../../src/core/release.ts';
import { releasesLines, releasesOf } from '../../src/core/releases.ts';
import { renderConfiguration } from '../../src/core/routing/configuration.ts';
import { readLogTail } from '../../src/core/routing/foreign.ts';
import { declaredGroups } from '../../src/core/routing/groups.ts';
import { parseConfiguration } from '../../src/core/routing/parse.ts';
import { statusOf } from '../../src/core/status.ts';
import { viewOf } from '../../src/core/view.ts';
import { statusLines } from '../../src/tell/status.ts';
import { inventoryOf } from './inventory/world.ts';
import { mutated, unpolluted } from './mutated.ts';
import { author } from './planning/world.ts';

/** What hosts print is read as untrusted: facts, or an error in words; no exception, and nothing that outlives the reading. */

const RUNS = process.env['ORCHESTRATE_TEST_ALL'] ? 10_000 : 1000;

const inventory = inventoryOf({});
const TEMPLATE = readFileSync(new URL('../../templates/upstream.conf.hbs', import.meta.url), 'utf8');
const { text: CONFIGURATION, digest } = renderConfiguration(inventory, declaredGroups(inventory), TEMPLATE);

const lone = inventoryOf({ backends: '{ web1: { address: 10.0.0.11 } }' });
const SMALL = renderConfiguration(lone, declaredGroups(lone), TEMPLATE).text;

const V1 = '20261101-1200-1111111';
const V2 = '20261102-1200-2222222';
const KEY = '0123456789abcdef';
const release = (name: string): string =>
  formatRelease({
    version: 1,
    release: name,
    commit: name.slice(-7).repeat(6).slice(0, 40),
    ref: 'main',
    subject: 'Say hello',
    author: 'Ada',
    committed: '2026-11-01T12:00:00Z',
    built: '2026-11-01T12:01:00Z',
    virtualenv: KEY,
  }).trim();
const RECORD = formatRecord({
  version: 1,
  app: 'shop',
  generation: 42,
  table: { stable: 'out-web1', '07': 'all' },
  backends: {
    web1: { rotation: 'out', reason: 'a new disk', since: '2026-11-01T00:00:00.000Z', by: 'ada@desk', release: V1 },
    web2: { rotation: 'in', since: '2026-11-01T00:00:00.000Z', release: null },
  },
  intent: {
    kind: 'roll',
    from: V1,
    to: V2,
    hosts: ['web1', 'web2', 'web3'],
    batch: [1, '50%'],
    allow: ['orders.0002'],
    by: 'ada@desk',
    command: 'roll --ref v2',
    at: '2026-11-01T00:00:00.000Z',
  },
  served: [V1],
  token: 3,
  holder: 'abc',
  command: 'roll',
  by: 'ada@desk',
  at: '2026-11-01T00:00:00.000Z',
}).trim();
const LEASE =
  '{"token":3,"holder":"abc","term":30,"boot":"0b-1","until":130,"details":{"by":"ada@desk","command":"roll","since":"2026-11-01T00:00:00.000Z"}}';

const BALANCER = `boot 0b-1
uptime 100.25
version 1.22.1
master 7
worker 8 900 serving
worker 9 950 ending
folder writable
live generations/000042
record ${RECORD}
lane 07 all
lane stable out-web1
highest 43
generation 000042 ${'a'.repeat(64)}
generation 000043 ${'b'.repeat(64)}
lease ${LEASE}
fence 3 9 abc
file readable
sha256 ${'c'.repeat(64)}
`;
const BACKEND = `boot b1
uptime 1000.50
user deploy
python 3.11.2
platform linux-x86_64 glibc 2.36
root writable /srv/www/shop
free 1000000000 500000
fence 7 3 b3f1
current ${V1}
previous ${V2}
release ${V2} ${release(V2)}
release ${V1} ${release(V1)}
incomplete 20261103-1200-3333333
virtualenv ${KEY}
run writable
slot 8000 ../current
wrapper 8000 10
listening 8000
master 8000 11 90000 /srv/www/shop/${V1}/repository
worker 8000 12 90010 /srv/www/shop/${V1}/repository
command 8000 /usr/bin/python3 gunicorn shop.wsgi
`;
const CHECK_BALANCER = `user deploy
temporary writable
nginx /usr/sbin/nginx
worker www-data
since 1764000000.12
closed folder /var/lib/orchestrate
alien /var/lib/orchestrate/shop/groups root
free 123456
beside writable /etc/nginx/orchestrate
static writable
log readable www-data adm 640
last {"time":"1764000000.123","upstream":"10.0.0.11:8000","status":"200"}
logline /etc/nginx/sites-enabled/shop:12: access_log /var/log/nginx/shop.json orchestrate_shop buffer=64k flush=5m;
site /etc/nginx/sites-enabled/shop
plain /etc/nginx/sites-enabled/other
sudo User deploy may run the following commands on lb1:
sudo     (root) NOPASSWD: /usr/sbin/nginx -t, /usr/sbin/nginx -s reload
sudo     (ALL : ALL) ALL
test failed
said nginx: [emerg] unknown directive "nonsense"
`;
const CHECK_BACKEND = `user deploy
lacks flock
temporary foreign
alien /srv/www/shop/x root
size 123456
memory 10000
module venv yes
module ensurepip no
env readable 640 deploy
envline 3
tmpfiles no
runner ${'d'.repeat(64)}
owner 8000 slot deploy
owner 8000 master root
stale 8000 /run/shop/8000.pid
uses 8000 123456
listens 8000 127.0.0.1 OURS
static foreign
program /etc/supervisor/conf.d/shop.conf
supervisor autorestart=true
supervisor user=www-data
unit Restart=no
`;
const MIGRATIONS = `databases [{"alias":"default","vendor":"postgresql","lock_timeout":"2s","applied":12}]
migrations [{"app":"orders","name":"0002_channel","database":"default","atomic":true,"operations":[{"op":"AddField","class":"AddField","model":"orders.Order","field":"channel","to":{"kind":"CharField","column":"channel","type":"varchar(20)","check":null,"null":true,"unique":false,"primary_key":false,"indexed":false,"collation":null,"many_to_many":false,"generated":false,"references":null,"default":false,"db_default":null},"rows":12}]}]
`;
const LOG_TAIL = `pair 12 10.0.0.11:8000 shop-all /var/lib/orchestrate/shop/live shop.example.com /
pair 3 10.0.0.12:8000 shop-all - - /direct
lines 15
strange 1
`;
const BAKE = `slice 1764000000 10.0.0.11:8000 120 3
slice 1764000005 10.0.0.12:8000 100 0
at 12345 678
strange 0
gap yes
`;
const STATUS = JSON.stringify({
  app: 'shop',
  configuration: digest,
  stable: '/var/lib/orchestrate/shop/groups/out-web1',
});
const SELF = '/var/lib/orchestrate/shop/generations/000042/self\n';

const seenBy = (status: string, generation: string, log: string): Answers => ({
  status: { kind: 'answered', status: 200, body: status },
  generation: { kind: 'answered', status: 200, body: generation },
  log: { kind: 'seen', facts: readLogTail(log, inventory) },
});

/** Reads one text; returns what was read, for the property that it is an object. */
const READERS: Readonly<Record<string, readonly [text: string, read: (text: string) => object]>> = {
  'observe-balancer.sh': [BALANCER, (text) => parseBalancerFacts(text, CONFIGURATION)],
  'observe-backend.sh': [BACKEND, parseBackendFacts],
  'a lease': [LEASE, parseLease],
  'a record': [
    RECORD,
    (text) => {
      const read = parseRecord(text);
      // What was read can be written again.
      if ('record' in read) formatRecord(read.record);
      return read;
    },
  ],
  'a release.json': [release(V1), parseRelease],
  'log-tail.sh': [LOG_TAIL, (text) => readLogTail(text, inventory)],
  'bake-counts.sh': [
    BAKE,
    (text) => {
      const read = parseBakeCounts(text);
      if (!('problem' in read)) strataOf(read.slices, (address) => (address.startsWith('10.0.0.11') ? 'new' : 'old'));
      return read;
    },
  ],
  'migrations.sh': [MIGRATIONS, (text) => judgeMigrations(text, { allow: 'additive', named: ['orders.0002'] })],
  'a configuration': [SMALL, parseConfiguration],
};

for (const [name, [text, read]] of Object.entries(READERS))
  test(`${name}: whatever comes instead is facts, or an error in words`, () => {
    assert.ok(!('problem' in read(text)), JSON.stringify(read(text)).slice(0, 300));
    fc.assert(
      fc.property(mutated([text]), (other) => {
        const found = read(other);
        assert.equal(typeof found, 'object');
        if ('problem' in found) wordsOnly(String(found.problem));
        unpolluted();
      }),
      { numRuns: RUNS },
    );
  });

test('whatever a fleet tells, status, releases and plans say what they make of it', () => {
  const fleet = (balancer: string, backend: string, answers: Answers): void => {
    const facts = parseBackendFacts(backend);
    const seen = {
      balancers: {
        lb1: { kind: 'seen' as const, facts: { ...parseBalancerFacts(balancer, CONFIGURATION), ...answers } },
      },
      backends: Object.fromEntries(
        inventory.backends.map(({ name }) => [
          name,
          'problem' in facts
            ? { kind: 'unreachable' as const, reason: facts.problem }
            : { kind: 'seen' as const, facts },
        ]),
      ),
    };
    const view = viewOf(inventory, seen, () => CONFIGURATION);
    statusLines(statusOf(inventory, view, { web1: 'healthy' }, 0)).forEach(wordsOnly);
    releasesLines(releasesOf(inventory, seen)).forEach(wordsOnly);
    planDrain(inventory, view, ['web2'], 'a reason', author);
    planEnable(inventory, view, ['web1'], author);
    planRollback(inventory, view, { hosts: ['web1', 'web2', 'web3', 'web4'], batch: [1] }, author);
  };
  fleet(BALANCER, BACKEND, seenBy(STATUS, SELF, LOG_TAIL));
  fc.assert(
    fc.property(
      mutated([BALANCER]),
      mutated([BACKEND]),
      mutated([STATUS]),
      mutated([SELF]),
      fc.integer({ min: 1, max: 15 }),
      (balancer, backend, status, self, which) => {
        const [a, b, c, d] = [1, 2, 4, 8].map((bit) => (which & bit) !== 0);
        fleet(a ? balancer : BALANCER, b ? backend : BACKEND, seenBy(c ? status : STATUS, d ? self : SELF, LOG_TAIL));
        unpolluted();
      },
    ),
    { numRuns: RUNS / 4 },
  );
});

test('whatever the looks of `check` print, it says what it makes of it, and no line to be run holds more than it should', () => {
  const HOSTS = inventory.balancers.length + inventory.backends.length;
  const check = (onBalancer: string, onBackend: string, balancer: string, backend: string, status: string): void => {
    const lines = readLines(onBalancer);
    const user = lines.one('user') ?? 'the ssh user';
    const facts = { ...parseBalancerFacts(balancer, CONFIGURATION), ...seenBy(status, SELF, LOG_TAIL) };
    const of = readLines(onBackend);
    const seen = parseBackendFacts(backend);
    const [web1] = inventory.backends;
    assert.ok(web1);
    const found = new Map<string, Check[]>([
      [
        'lb1',
        [
          ...routingChecks(inventory, facts, lines, CONFIGURATION),
          ...balancerChecks(inventory, facts, lines),
          ...sudoChecks(inventory, user, lines),
          ...accessLogChecks(inventory, user, lines, readLogTail(LOG_TAIL, inventory)),
        ],
      ],
      [
        'web1',
        'problem' in seen
          ? []
          : [
              ...backendChecks(inventory, web1, seen, seen, of),
              ...serviceChecks(inventory, web1, seen, of, 'd'.repeat(64)),
            ],
      ],
    ]);
    const said = reportLines(reportOf(inventory, found));
    said.forEach(wordsOnly);
    // A host can't make up lines of its own.
    const told = [...found.values()].flat();
    assert.equal(said.length, HOSTS + 1 + told.length + told.filter(({ mend }) => mend !== null).length);
  };
  check(CHECK_BALANCER, CHECK_BACKEND, BALANCER, BACKEND, STATUS);
  fc.assert(
    fc.property(
      mutated([CHECK_BALANCER]),
      mutated([CHECK_BACKEND]),
      mutated([BALANCER]),
      mutated([BACKEND]),
      mutated([STATUS]),
      (...texts) => {
        check(...texts);
        unpolluted();
      },
    ),
    { numRuns: RUNS / 4 },
  );
});

/** A sentence for people: one line, nothing in it that a terminal obeys. */
function wordsOnly(text: string): void {
  // oxlint-disable-next-line no-control-regex -- exactly these
  assert.doesNotMatch(
    text,
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/,
    JSON.stringify(text).slice(0, 300),
  );
}
