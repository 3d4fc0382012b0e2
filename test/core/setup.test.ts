import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { sudoersLine } from '../../src/core/checks/sudo.ts';
import { formatProblem, readInventory, type Inventory } from '../../src/core/inventory.ts';
import { setupSteps, sudoersFile } from '../../src/core/setup.ts';
import { answeredInventory, problemOf, type Answers } from '../../src/core/setup-inventory.ts';
import { inventoryOf } from './inventory/world.ts';

const template = (name: string): string => readFileSync(new URL(`../../templates/${name}`, import.meta.url), 'utf8');
const text = template('inventory.yaml.hbs');
const ANSWERS: Answers = {
  app: 'shop',
  balancers: 'lb1=10.0.0.10,lb2=lb2.example.com',
  backends: 'web[1-3]=10.0.0.[11-13], db-1=fd00::1 web9=[fd00::9]',
  host: 'shop.example.com',
  user: 'deploy',
  configuration: 'managed',
};

function inventoryFrom(answers: Answers): Inventory {
  const made = answeredInventory(answers, text);
  assert.deepEqual(made.problems, []);
  const read = readInventory(made.text, 'inventory.yaml', '/home/me');
  if (!read.ok) throw new Error(read.problems.map(formatProblem).join('\n'));
  assert.deepEqual(read.warnings, []);
  return read.inventory;
}

describe('the inventory that init writes', () => {
  test('is valid, and says what was answered', () => {
    const inventory = inventoryFrom(ANSWERS);
    assert.deepEqual(
      [...inventory.balancers, ...inventory.backends].map(({ name, address, ssh }) => `${name} ${address} ${ssh.user}`),
      [
        'lb1 10.0.0.10 deploy',
        'lb2 lb2.example.com deploy',
        'web1 10.0.0.11 deploy',
        'web2 10.0.0.12 deploy',
        'web3 10.0.0.13 deploy',
        'db-1 fd00::1 deploy',
        'web9 fd00::9 deploy',
      ],
    );
    assert.equal(inventory.health.host, 'shop.example.com');
    assert.equal(inventory.nginx.configuration, 'managed');
    const { user: _, ...nobody } = ANSWERS;
    const fixed = inventoryFrom({ ...nobody, configuration: 'fixed' });
    assert.equal(fixed.nginx.configuration, 'fixed');
    assert.equal('user' in fixed.backends[0]!.ssh, false);
  });

  test('has nothing that its own defaults contradict', () => {
    const least = `app: shop\nbalancers: { lb1: { address: 10.0.0.10 } }\nbackends: { web1: { address: 10.0.0.11 } }\nrelease: { root: /srv/www/shop }\nservice: { name: shop }\nhealth: { host: shop.example.com }\nssh: { user: deploy }\nbuild: { static: { publish: { to: balancers } } }\n`;
    const read = readInventory(least, 'inventory.yaml', '/home/me');
    assert.deepEqual(
      inventoryFrom({ ...ANSWERS, balancers: 'lb1=10.0.0.10', backends: 'web1=10.0.0.11' }),
      read.ok ? read.inventory : undefined,
    );
  });

  test('comments each of its lines or leaves them to speak for themselves, at most 160 characters wide', () => {
    const made = answeredInventory(ANSWERS, text).text;
    assert.equal(made.includes('{{'), false);
    assert.deepEqual(
      made.split('\n').filter((line) => line.length > 160),
      [],
    );
  });
});

test('what is wrong with an answer is told of that answer', () => {
  const wrong = (key: keyof Answers, answer: string): string => problemOf(key, answer, text) ?? 'fine';
  assert.match(wrong('app', 'Shop'), /must be 1 to 24 small letters/);
  assert.match(wrong('balancers', 'lb1'), /"lb1" is not NAME=ADDRESS/);
  assert.match(wrong('balancers', ''), /at least one host/);
  assert.match(wrong('backends', 'web[1-3]=10.0.0.[11-12]'), /stands for 2 addresses, and "web\[1-3\]" for 3 hosts/);
  assert.match(wrong('backends', 'web1=web1.example.com'), /is not an IP address/);
  assert.match(wrong('backends', 'web1=10.0.0.1,web1=10.0.0.2'), /web1 is there twice/);
  assert.match(wrong('host', 'a b'), /must be a host name/);
  assert.match(wrong('user', 'a b'), /must be a user name/);
  assert.match(wrong('configuration', 'other'), /managed/);
  assert.equal(wrong('backends', 'web[1-3]=10.0.0.[11-13]'), 'fine');
  assert.deepEqual(
    answeredInventory({ ...ANSWERS, app: 'Shop', host: 'a b' }, text).problems.map(({ answer }) => answer),
    ['app', 'host'],
  );
});

test('no answer, whatever it is, becomes another part of the file', () => {
  fc.assert(
    fc.property(
      fc.constantFrom<keyof Answers>('app', 'balancers', 'backends', 'host', 'user', 'configuration'),
      fc.string({ unit: 'binary-ascii' }),
      (key, answer) => {
        const made = answeredInventory({ ...ANSWERS, [key]: answer }, text);
        if (made.problems.length > 0 || made.text === '') return;
        const read = readInventory(made.text, 'inventory.yaml', '/home/me');
        assert.equal(read.ok, true);
        if (read.ok) assert.equal(read.inventory.release.root, `/srv/www/${read.inventory.app}`);
      },
    ),
    { numRuns: 300 },
  );
});

const userOf = (): string => 'deploy';
const steps = (changes: Readonly<Record<string, string>>, file: string | null = null): string =>
  setupSteps(inventoryOf(changes), userOf, file).join('\n');

test('sudoers: exactly two commands for managed, none for fixed', () => {
  const lines = (inventory: Inventory): string[] =>
    (sudoersFile(inventory, userOf, template('sudoers.hbs')) ?? '')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
  assert.deepEqual(lines(inventoryOf({})), [
    'deploy ALL=(root) NOPASSWD: /usr/sbin/nginx -t, /usr/sbin/nginx -s reload',
  ]);
  assert.equal(sudoersFile(inventoryOf({ nginx: '{ configuration: fixed }' }), userOf, template('sudoers.hbs')), null);
  assert.deepEqual(
    lines(
      inventoryOf({
        nginx: '{ test: sudo -n /opt/nginx/nginx -t -c /etc/n.conf, reload: /usr/local/bin/reload-nginx }',
      }),
    ),
    ['deploy ALL=(root) NOPASSWD: /opt/nginx/nginx -t -c /etc/n.conf'],
  );
  assert.equal(
    sudoersLine('deploy', ['/bin/x a=b,c:d\\e']),
    String.raw`deploy ALL=(root) NOPASSWD: /bin/x a\=b\,c\:d\\e`,
  );
});

test('the steps: managed, fixed, systemd, a program of its own, hosts that differ', () => {
  const managed = steps({ build: '{ static: { publish: { to: balancers } } }' });
  for (const line of [
    'install -d -m 755 -o deploy /etc/nginx/orchestrate\n',
    'install -d -m 711 -o deploy /var/lib/orchestrate/shop\n',
    'install -d -m 755 -o deploy /srv/www/shop/static\n',
    "     orchestrate init --print upstream | ssh root@10.0.0.10 'install -m 644 -o deploy /dev/stdin /etc/nginx/orchestrate/shop.conf'\n",
    "orchestrate init --print sudoers | ssh root@10.0.0.10 'install -m 440 /dev/stdin /etc/sudoers.d/orchestrate-shop && visudo -c'",
    'for host in 10.0.0.11 10.0.0.12 10.0.0.13 10.0.0.14; do orchestrate init --print supervisor | ssh root@$host',
    'access_log /var/log/nginx/shop.json orchestrate_shop;',
  ])
    assert.ok(managed.includes(line), line);
  const fixed = steps({ nginx: '{ configuration: fixed }' }, 'live.yaml');
  assert.equal(fixed.includes('sudoers'), false);
  assert.ok(
    fixed.includes(
      "orchestrate -i live.yaml init --print upstream | ssh root@10.0.0.10 'install -m 644 /dev/stdin /etc/nginx/orchestrate/shop.conf'",
    ),
  );
  assert.ok(fixed.includes('No sudo: nginx.configuration is fixed.'));
  const systemd = steps({ service: '{ name: shop, manager: systemd }' });
  assert.ok(
    systemd.includes(
      "--print systemd | ssh root@$host 'cat >/etc/systemd/system/shop@.service && systemctl daemon-reload && systemctl enable --now shop@8000'",
    ),
  );
  assert.equal(systemd.includes('tmpfiles'), false);
  const own = steps({ service: '{ name: shop, wrapper: false }' });
  assert.ok(own.includes('user=deploy, autorestart=true, startsecs=0'));
  assert.equal(own.includes('run-slot'), false);
  const differ = steps({ backends: '{ web1: { address: 10.0.0.11 }, web2: { address: 10.0.0.12, slots: [9000] } }' });
  assert.ok(differ.includes('--print supervisor --on web1 | ssh root@10.0.0.11'));
  assert.ok(differ.includes('--print supervisor --on web2 | ssh root@10.0.0.12'));
  assert.ok(steps({ nginx: '{ switch: reload }' }).includes('keeps its `proxy_pass http://shop;`'));
});
