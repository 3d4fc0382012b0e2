import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { formatProblem, readInventory } from '../../../src/core/inventory.ts';
import { inventoryOf, problemsIn, problemsOf, warningsOf, written } from './world.ts';

const first = (changes: Readonly<Record<string, string>>): string => problemsOf(changes)[0] ?? '';
const both = (address: string, more = ''): Readonly<Record<string, string>> => ({
  balancers: '{ web1: { address: 10.0.0.1 } }',
  backends: `{ web1: { address: ${address}${more} } }`,
});
const places = (text: string): string[] => {
  const read = readInventory(text, 'f', '/h');
  return read.ok ? [] : read.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
};
const ranged = (name: string, address: string): string =>
  problemsOf({ backends: `{ ${JSON.stringify(name)}: { address: ${JSON.stringify(address)} } }` })[0] ?? '';

describe('what is filled in', () => {
  test('names and paths from the app', () => {
    const inventory = inventoryOf({ app: 'web_2' });
    assert.equal(inventory.nginx.file, '/etc/nginx/orchestrate/web_2.conf');
    assert.equal(inventory.nginx.folder, '/var/lib/orchestrate/web_2');
    assert.equal(inventory.nginx.access_log, '/var/log/nginx/web_2.json');
    assert.equal(inventory.service.pid_file, '/run/web_2/gunicorn.pid');
    assert.equal(inventory.service.command, 'gunicorn web_2.wsgi --workers 2 --bind 0.0.0.0:$PORT --pid $PID_FILE');
    assert.equal(inventory.rehearse.command, 'gunicorn web_2.wsgi --workers 1 --bind $BIND');
    assert.deepEqual(inventory.build.static.publish, { to: 'none', path: '/srv/www/shop/static' });
  });

  test('the first backend builds; a host’s own ssh keys lie over the section’s; ~ is the home', () => {
    const inventory = inventoryOf({
      ssh: '{ user: deploy, port: 22, identity_file: ~/key, known_hosts: here/hosts, jump: a }',
      backends:
        '{ b: { address: 10.0.0.2, ssh: { port: 2222, config: false }, slots: [9000] }, a: { address: 10.0.0.1 } }',
    });
    assert.equal(inventory.build.builder, 'b');
    const common = {
      user: 'deploy',
      identity_file: '/home/me/key',
      known_hosts: 'here/hosts',
      jump: 'a',
      connect_timeout: 10_000,
      keepalive: 15_000,
    };
    assert.deepEqual(inventory.backends, [
      { name: 'b', address: '10.0.0.2', ssh: { ...common, port: 2222, config: false }, slots: [9000] },
      { name: 'a', address: '10.0.0.1', ssh: { ...common, port: 22, config: '/home/me/.ssh/config' }, slots: [8000] },
    ]);
  });

  test('times are milliseconds; one batch is a list of one', () => {
    const inventory = inventoryOf({ drain: '{ deadline: 2h }', roll: '{ batch: 25%, pause: 250ms, bake: 5m }' });
    assert.equal(inventory.drain.deadline, 7_200_000);
    assert.deepEqual(inventory.roll.batch, ['25%']);
    assert.deepEqual([inventory.roll.pause, inventory.roll.bake], [250, 300_000]);
    assert.deepEqual(inventoryOf({ roll: '{ batch: [1, 10%, 50%] }' }).roll.batch, [1, '10%', '50%']);
  });

  test('local paths start at the inventory’s folder', () => {
    const read = readInventory(written({ ssh: '{ known_hosts: hosts }' }), '/envs/prod/inventory.yaml', '/home/me');
    assert.equal(read.ok && read.inventory.balancers[0]?.ssh.known_hosts, '/envs/prod/hosts');
  });

  test('anchors, merge keys, JSON, and sections whose lines are all comments', () => {
    const text = `
app: shop
ssh:
  # user: deploy
balancers: { lb1: { address: 10.0.0.1 } }
backends:
  web1: &web { address: 10.0.0.2, zone: a }
  web2: { <<: *web, address: 10.0.0.3 }
release: { root: /srv/www/shop }
service: { name: shop }
health: { host: shop.example.com }
`;
    const read = readInventory(text, 'f', '/h');
    assert.equal(read.ok && read.inventory.backends[1]?.zone, 'a');
    assert.deepEqual(problemsIn(JSON.stringify({ app: 'shop' })).includes('release.root: is required'), true);
  });
});

describe('hosts', () => {
  test('stand in the file’s order, numbers too', () => {
    const { backends } = inventoryOf({
      backends: '{ b: {address: 10.0.0.3}, 10: {address: 10.0.0.2}, 9: {address: 10.0.0.1} }',
    });
    assert.deepEqual(
      backends.map(({ name }) => name),
      ['b', '10', '9'],
    );
  });

  test('ranges give as many addresses as names', () => {
    const { backends } = inventoryOf({ backends: '{ "web[08-10]-a": { address: "fd00::[1:3]" } }' });
    assert.deepEqual(
      backends.map(({ name, address }) => `${name} ${address}`),
      ['web08-a fd00::1', 'web09-a fd00::2', 'web10-a fd00::3'],
    );
    assert.match(ranged('web[1-3]', '10.0.0.[1-2]'), /stands for 2 addresses, and "web\[1-3\]" for 3 hosts/);
    assert.match(ranged('web[1-3]', '10.0.0.1'), /stands for 1 address,/);
    assert.match(ranged('web[3-1]', '10.0.0.[1-3]'), /runs backwards/);
    assert.match(ranged('web[a-c]', '10.0.0.[1-3]'), /is no range/);
    assert.match(ranged('web[1-3', '10.0.0.[1-3]'), /without its partner/);
    assert.match(ranged('web[1-999999999]', '10.0.0.[1-3]'), /more than 2000/);
    assert.match(ranged('web[1-1999]x[1-1999]', '10.0.0.[1-3]'), /more than 2000/);
    assert.match(ranged('web[255-256]', '10.0.0.[255-256]'), /"10.0.0.256" is not an IP address/);
  });

  test('names and addresses are there once in each map', () => {
    assert.deepEqual(problemsOf({ backends: '{ web1: {address: 10.0.0.1}, "web[1-2]": {address: "10.0.0.[2-3]"} }' }), [
      'backends.web[1-2]: there is another web1',
    ]);
    assert.deepEqual(problemsOf({ backends: '{ web1: {address: "fd00::1"}, web2: {address: "FD00:0::0:1"} }' }), [
      'backends.web2.address: fd00::1 is the address of web1 too',
    ]);
    assert.deepEqual(problemsOf({ balancers: '{ lb1: {address: 10.0.0.1}, lb2: {address: 10.0.0.1} }' }), [
      'balancers.lb2.address: 10.0.0.1 is the address of lb1 too',
    ]);
  });

  test('one name in both maps is one machine', () => {
    assert.deepEqual(problemsOf(both('10.0.0.1')), []);
    assert.match(
      problemsOf(both('10.0.0.2'))[0] ?? '',
      /10.0.0.2 is not the address of the balancer web1 \(10.0.0.1\)/,
    );
    assert.match(problemsOf(both('10.0.0.1', ', ssh: { port: 3 }'))[0] ?? '', /one name is one machine/);
    assert.match(warningsOf({ balancers: '{ lb1: { address: 10.0.0.11 } }' })[0] ?? '', /address of the backend web1/);
  });

  test('a backend needs an address, a balancer may have a name', () => {
    assert.match(
      problemsOf({ backends: '{ web1: { address: web1.example.com } }' })[0] ?? '',
      /does not resolve stops all of Nginx/,
    );
    assert.equal(
      inventoryOf({ balancers: '{ lb1: { address: LB1.example.com } }' }).balancers[0]?.address,
      'lb1.example.com',
    );
    for (const address of [
      '10.0.0.1.2',
      '10.0.0',
      '010.0.0.1',
      '0.0.0.0',
      '::',
      'fe80::1%eth0',
      '::ffff:10.0.0.1',
      '10.0.0.1:22',
      'a b',
      '',
    ])
      for (const section of ['balancers', 'backends'])
        assert.equal(problemsOf({ [section]: `{ h: { address: ${JSON.stringify(address)} } }` }).length, 1, address);
  });

  test('build.builder is a backend, or this machine', () => {
    assert.deepEqual(problemsOf({ build: '{ builder: local }' }), []);
    assert.deepEqual(problemsOf({ build: '{ builder: wbe2 }' }), [
      'build.builder: there is no backend wbe2; did you mean web2?',
    ]);
    assert.match(problemsOf({ backends: '{ local: { address: 10.0.0.1 } }' })[0] ?? '', /is taken/);
  });
});

describe('problems', () => {
  test('come all at once, in the file’s order, each with its place', () => {
    const text =
      'app: Shop\nbalancer: {}\nrelease: { root: /srv, keep: "5" }\nservice:\n  name: shop\n  slots: [8000, 8000]\n';
    const read = readInventory(text, 'fleet.yaml', '/h');
    assert.deepEqual(read.ok ? [] : read.problems.map(formatProblem), [
      'fleet.yaml:1:1  health.host: is required',
      'fleet.yaml:1:1  balancers: is required: at least one host, such as `lb1: { address: 10.0.0.10 }`',
      'fleet.yaml:1:1  backends: is required: at least one host, such as `web1: { address: 10.0.0.11 }`',
      'fleet.yaml:1:6  app: must be 1 to 24 small letters, digits and underscores, beginning with a letter',
      'fleet.yaml:2:1  balancer: is unknown; did you mean balancers?',
      'fleet.yaml:3:30  release.keep: must be a number: write 5 without quotes',
      'fleet.yaml:6:10  service.slots: names one port twice: each slot needs its own',
    ]);
  });

  test('of YAML itself have a place too', () => {
    assert.match(places('app: a\napp: b\n')[0] ?? '', /^2:1 this key is there twice/);
    assert.match(places('ssh:\n\tuser: a\n')[0] ?? '', /^2:1 .*tab/i);
    assert.match(places('app: [a\n')[0] ?? '', /^2:1 /);
    assert.match(places('app: *nowhere\n')[0] ?? '', /nowhere/);
    assert.match(places('app: !vault x\n')[0] ?? '', /^1:6 .*!vault/);
    assert.match(places('a: 1\n---\nb: 2\n')[0] ?? '', /^2:1 .*documents/);
    assert.deepEqual(places(''), ['1:1 the inventory is empty']);
    assert.match(places('- a\n')[0] ?? '', /must be a mapping/);
  });

  test('unknown keys get the nearest known one, or the place where the key belongs', () => {
    assert.match(first({ ssh: '{ identityFile: a }' }), /did you mean identity_file\?/);
    assert.match(first({ nginx: '{ realod: a }' }), /did you mean reload\?/);
    assert.match(
      first({ roll: '{ deadline: 3s }' }),
      /did you mean health.deadline, drain.deadline or hooks.deadline\?/,
    );
  });

  test('keys of what does not exist yet are unknown', () => {
    assert.match(problemsOf({ service_mesh: '{}' })[0] ?? '', /^service_mesh: is unknown/);
    assert.match(problemsOf({ roll: '{ on_failure: pray }' })[0] ?? '', /must be rollback, halt or skip/);
  });

  test('of goals of an A/B window', () => {
    const goals = (text: string): string => first({ ab: `{ goals: { ${text} } }` });
    assert.match(goals('checkout: "post checkout"'), /^ab.goals.checkout: /);
    assert.match(goals('checkout: "POST ^/checkout/(done"'), /^ab.goals.checkout: a \( without its \)/);
    assert.match(goals('Checkout: /done'), /^ab.goals.Checkout: the name of a goal/);
    assert.deepEqual(
      problemsOf({ ab: '{ goals: { checkout: "POST ^/checkout/done", read: "^/article/[0-9]+$" } }' }),
      [],
    );
  });
  test('of a canary', () => {
    const canary = (text: string): string => first({ canary: `{ ${text} }` });
    for (const bad of ['0%', '101%', '100%', '10', 'ten', '7.5%'])
      assert.match(canary(`share: "${bad}"`), /^canary.share: must be a share in whole percent, such as 10%/, bad);
    assert.match(canary('steps: [10%, 0%]'), /^canary.steps\[1\]: must be a share in whole percent/);
    for (const bad of ['0%', '100%', '1'])
      assert.match(canary(`false_alarms: "${bad}"`), /^canary.false_alarms: must be a share above 0%/, bad);
    assert.match(canary('sticky: session'), /^canary.sticky: must be cookie, address or none/);
    assert.match(canary('hold: 0s'), /^canary.hold: /);
    for (const bad of ['X_Canary', 'Host', 'Cookie', 'X-Forwarded-For', 'x;', '$x', 'X Canary', ''])
      assert.match(canary(`header: { name: "${bad}", secret_file: a }`), /^canary.header/, bad);
    for (const bad of ['off', '{ name: X-Canary }', '{ secret_file: a }', '{ name: X-Canary, secret: abc }', 'true'])
      assert.match(canary(`header: ${bad}`), /^canary.header/, bad);
    assert.deepEqual(problemsOf({ canary: '{ header: { name: X-Canary, secret_file: canary.secret } }' }), []);
    assert.deepEqual(problemsOf({ canary: '{ header: none }' }), []);
    assert.deepEqual(problemsOf({ canary: '{ share: 1%, steps: [1%, 10%, 50%], hold: 10m, promote: auto }' }), []);
  });

  test('of whom to tell, and of hooks', () => {
    const notify = (entry: string): string => first({ notify: `[${entry}]` });
    assert.match(first({ notify: '{}' }), /^notify: must be a list of receivers/);
    assert.match(notify('{}'), /^notify\[0\].webhook: is required/);
    for (const bad of ['hooks.example.com', 'ftp://a/b', 'https://a b/', 'https://me:secret@a/', 'https://[::/'])
      assert.match(notify(`{ webhook: "${bad}" }`), /^notify\[0\].webhook: (must|is no address)/, bad);
    assert.match(notify('{ webhook: "https://a/", on: [ended] }'), /^notify\[0\].on\[0\]: must be a list of these/);
    assert.match(notify('{ webhook: "https://a/", on: [] }'), /^notify\[0\].on: must be a list of these/);
    assert.match(notify('{ webhok: "https://a/" }'), /did you mean webhook\?|is required/);
    assert.match(first({ hooks: '{ before_role: [a] }' }), /did you mean before_roll\?/);
    assert.match(first({ hooks: '{ after_roll: "say done" }' }), /^hooks.after_roll: must be a list/);
  });

  test('types are told in words', () => {
    assert.equal(first({ build: '{ ref: 1.10 }' }), 'build.ref: must be text, not 1.1: put it in quotes');
    assert.equal(first({ drain: '{ deadline: 30 }' }), 'drain.deadline: needs a unit: 30s, 30ms, 30m');
    assert.equal(
      first({ service: '{ name: shop, wrapper: yes }' }),
      'service.wrapper: must be true or false, not "yes"',
    );
    assert.equal(first({ service: '{ name: }' }), 'service.name: is empty; give it a value or leave the key out');
    assert.equal(first({ health: '[]' }), 'health: must be a mapping (keys with values), not a list');
    assert.equal(first({ roll: '{ order: zone }' }), 'roll.order: must be inventory or zones, not "zone"');
    assert.equal(
      first({ roll: '{ batch: 0% }' }),
      'roll.batch: must be a number of hosts (1), a share of them (25%), or a list of these ([1, 10%, 50%])',
    );
    assert.equal(
      first({ health: '{ host: a, status: 301 }' }),
      'health.status: is a redirect, which is always a failure: ask where it leads to',
    );
    assert.equal(first({ build: '{ commands: npm ci }' }), 'build.commands: must be a list ([a, b]), not "npm ci"');
  });

  test('keys that do not fit together', () => {
    assert.match(
      first({ service: '{ name: a, slots: [1, 2, 3] }' }),
      /^service.slots: must be a list of one or two ports/,
    );
    assert.match(
      first({ service: '{ name: a, slots: [8000, 8001], wrapper: false }' }),
      /^service.slots: two slots need wrapper: true/,
    );
    assert.match(
      first({ backends: '{ a: { address: 10.0.0.1, slots: [8000, 8001] } }', service: '{ name: a, wrapper: false }' }),
      /^service.slots: two slots need wrapper: true/,
    );
    assert.equal(first({ service: '{ name: a, slots: [8000, 8001], linger: 0s }' }), '');
    assert.match(first({ service: '{ name: a, manager: pidfile }' }), /^service.manager: .*wrapper: false/);
    assert.equal(first({ service: '{ name: a, manager: pidfile, wrapper: false }' }), '');
    assert.match(first({ service: '{ name: a, manager: command, wrapper: false }' }), /^service.restart: is required/);
    assert.match(first({ service: '{ name: a, restart: b }' }), /^service.restart: is used with manager: command/);
    assert.match(first({ service: '{ name: a, command: gunicorn --daemon }' }), /foreground/);
    assert.match(first({ nginx: '{ switch: reload, configuration: fixed }' }), /^nginx.switch: /);
    assert.match(first({ release: '{ root: /srv/a, code: v/b, virtualenv: v }' }), /^release.code: /);
    assert.match(
      first({ release: '{ root: /srv/a, shared: { a: a, a/b: b } }' }),
      /^release.shared."a\/b": is inside a/,
    );
    assert.match(first({ build: '{ static: { command: null, publish: { to: balancers } } }' }), /publishes nothing/);
    assert.match(
      first({ build: '{ static: { publish: { to: backends, path: /srv/www/shop/current/x } } }' }),
      /of its own/,
    );
  });

  test('doubts are warnings', () => {
    assert.match(warningsOf({ nginx: '{ server_options: fail_timeout=5s }' })[0] ?? '', /no max_fails=0/);
    assert.match(warningsOf({ nginx: '{ keepalive_timeout: 5s }' })[0] ?? '', /is short/);
    assert.match(warningsOf({ service: '{ name: a, linger: 25h }' })[0] ?? '', /longer than a day/);
    assert.deepEqual(warningsOf({}), []);
  });
});

test('whatever is read, an answer comes back and nothing is thrown', () => {
  const plain = 'app ssh backends release web1 address 10.0.0.1 __proto__ null 1e3 0x1 ~ # % [ ] { } , :'.split(' ');
  const words = fc.constantFrom(
    ...plain,
    ...': |\n|\n  |\t|- |&a |*a|<<: |"|\'|!!str |? |> |---\n|\u0000|\u001b[2J|\ud800|\u202e'.split('|'),
    '| ',
  );
  fc.assert(
    fc.property(fc.array(words, { maxLength: 40 }), (parts) => {
      const read = readInventory(parts.join(''), 'f', '/h');
      assert.equal(read.ok, false);
      if (read.ok) return;
      assert.notEqual(read.problems.length, 0);
      for (const problem of read.problems) {
        assert.ok(problem.line >= 1 && problem.column >= 1);
        // oxlint-disable-next-line no-control-regex -- no message may upset a terminal
        assert.doesNotMatch(formatProblem(problem), /[\u0000-\u001f\u007f-\u009f\u202e]/);
      }
    }),
    { numRuns: 1500 },
  );
});
