import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseBackendFacts } from '../../src/core/backend-facts.ts';
import { parseBalancerFacts } from '../../src/core/balancer-facts.ts';
import { HERE, missing, note, ok, reportLines, reportOf, type Check } from '../../src/core/checks.ts';
import { accessLogChecks } from '../../src/core/checks/access-log.ts';
import { backendChecks } from '../../src/core/checks/backend.ts';
import { balancerChecks } from '../../src/core/checks/balancer.ts';
import { readLines } from '../../src/core/checks/lines.ts';
import { reachCheck } from '../../src/core/checks/reach.ts';
import { routingChecks } from '../../src/core/checks/routing.ts';
import { serviceChecks } from '../../src/core/checks/service.ts';
import { sudoChecks } from '../../src/core/checks/sudo.ts';
import { inventoryOf } from './inventory/world.ts';

const inventory = inventoryOf({});
const [backend] = inventory.backends as [(typeof inventory.backends)[number]];

test('a report: in the order of the inventory, with the line that mends, exit 3', () => {
  const found = new Map<string, Check[]>([
    ['web1', [ok('ssh as deploy'), missing('there is no /srv/www/shop', 'as root: install -d /srv/www/shop')]],
    ['lb1', [ok('ssh as deploy'), note('odd \u001b[31mred', 'leave it')]],
    [HERE, [ok('the ref is there')]],
  ]);
  const report = reportOf(inventory, found);
  assert.equal(report.exit, 3);
  assert.deepEqual(reportLines(report).slice(0, 9), [
    'this machine',
    '  ok       the ref is there',
    'lb1 (10.0.0.10), balancer',
    '  ok       ssh as deploy',
    '  note     odd red',
    '           mend: leave it',
    'web1 (10.0.0.11), backend',
    '  ok       ssh as deploy',
    '  MISSING  there is no /srv/www/shop',
  ]);
  assert.match(reportLines(report).at(-1) ?? '', /^One thing is missing, on web1\. Nothing was changed/);
  assert.equal(reportOf(inventory, new Map([['lb1', [note('x')]]])).exit, 0);
});

const asked = (answer: Parameters<typeof reachCheck>[4], running: boolean | null = true): string => {
  const { verdict, says, mend } = reachCheck(inventory, backend, 8000, 'lb1', answer, running);
  return `${verdict}: ${says} | ${mend ?? ''}`;
};

test('what a port answers, from where', () => {
  const url = 'http://10.0.0.11:8000/healthz (Host: shop.example.com)';
  assert.equal(asked({ kind: 'answered', status: 200, body: '' }), `ok: asked from lb1, ${url} answers 200 | `);
  assert.match(
    asked({ kind: 'answered', status: 301, body: '' }),
    /^missing: .*answers 301, not 200 \| inventory: health\.headers: \{ X-Forwarded-Proto: https \}/,
  );
  assert.match(asked({ kind: 'answered', status: 400, body: '' }), /ALLOWED_HOSTS must have shop\.example\.com/);
  assert.match(asked({ kind: 'answered', status: 404, body: '' }), /health\.path/);
  assert.match(
    asked({ kind: 'no answer', reason: 'lb1: its sshd refuses tunnels (AllowTcpForwarding ...)' }),
    /lets no tunnel through to 10\.0\.0\.11:8000 \| as root on lb1: AllowTcpForwarding yes/,
  );
  assert.match(
    asked({ kind: 'no answer', reason: 'lb1: 10.0.0.11:8000 from there: Connection refused' }, false),
    /^note: nothing serves on 10\.0\.0\.11:8000 yet, and lb1 can reach it/,
  );
  assert.match(
    asked({ kind: 'no answer', reason: 'no answer from 10.0.0.11:8000 within 2 s' }),
    /^missing: .*firewall/,
  );
});

const said = (list: readonly string[]): string[] =>
  sudoChecks(
    inventory,
    'deploy',
    readLines(
      [
        'nginx /usr/sbin/nginx',
        'sudo User deploy may run the following commands on lb1:',
        ...list.map((line) => `sudo ${line}`),
      ].join('\n'),
    ),
  ).map(({ verdict, says }) => `${verdict}: ${says}`);

test('sudo lists of other shapes', () => {
  const fine = ['ok: sudo allows deploy `/usr/sbin/nginx -t` and `/usr/sbin/nginx -s reload`, and nothing else'];
  assert.deepEqual(
    said(['    (root) NOPASSWD: /usr/sbin/nginx -t', '    (ALL) NOPASSWD: /usr/sbin/nginx -s reload']),
    fine,
  );
  assert.deepEqual(
    said(['    (root) SETENV: NOPASSWD: /usr/sbin/nginx -t,', '        /usr/sbin/nginx -s reload']),
    fine,
  );
  assert.deepEqual(said(['    (root) /bin/true, NOPASSWD: /usr/sbin/nginx -t, /usr/sbin/nginx -s reload']), [
    'note: sudo allows deploy more than orchestrate needs: `/bin/true`',
  ]);
  assert.match(said(['    (www-data) NOPASSWD: ALL'])[0] ?? '', /^missing: sudo does not allow deploy/);
  assert.match(
    said(['    (root) NOPASSWD: /usr/sbin/nginx -t, PASSWD: /usr/sbin/nginx -s reload'])[0] ?? '',
    /^missing: sudo does not allow deploy `\/usr\/sbin\/nginx -s reload` without/,
  );
});

test('whatever a host prints, nothing breaks, and something is missing', () => {
  const keys = [
    'user',
    'lacks',
    'temporary',
    'closed',
    'alien',
    'free',
    'beside',
    'static',
    'log',
    'last',
    'logline',
    'site',
    'plain',
    'sudo',
    'test',
    'said',
    'env',
    'envline',
    'owner',
    'listens',
    'uses',
    'supervisor',
    'unit',
    'program',
    'memory',
    'size',
    'module',
    'runner',
    'master',
    'worker',
    'slot',
    'root',
    'boot',
    'uptime',
    'live',
    'version',
  ];
  const line = fc
    .tuple(
      fc.constantFrom(...keys),
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom(
          'readable 640 x',
          '8000 slot x',
          'writable /srv',
          '8000 [::] OURS',
          'autorestart=true',
          '1 2 3',
        ),
      ),
    )
    .map((pair) => pair.join(' '));
  fc.assert(
    fc.property(fc.array(line), (printed) => {
      const lines = readLines(printed.join('\n'));
      const status = { kind: 'answered', status: 200, body: printed[0] ?? '' } as const;
      const facts = {
        ...parseBalancerFacts(printed.join('\n'), null),
        status,
        generation: status,
        log: { kind: 'unreachable', reason: '' } as const,
      };
      const checks = [
        ...routingChecks(inventory, facts, lines, printed.join('\n')),
        ...balancerChecks(inventory, facts, lines),
        ...sudoChecks(inventory, 'deploy', lines),
        ...accessLogChecks(inventory, 'deploy', lines, null),
      ];
      const told = parseBackendFacts(['boot x', 'uptime 1', 'root missing /srv/www/shop', ...printed].join('\n'));
      if (!('problem' in told))
        checks.push(
          ...backendChecks(inventory, backend, told, null, lines),
          ...serviceChecks(inventory, backend, told, lines, 'x'),
        );
      const shown = reportLines(reportOf(inventory, new Map([['lb1', checks]]))).join('\n');
      // oxlint-disable-next-line no-control-regex -- these must not reach a terminal
      assert.doesNotMatch(shown, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
      assert.ok(checks.some(({ verdict }) => verdict === 'missing'));
    }),
    { numRuns: 300 },
  );
});
