import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { readInventory, type Inventory } from '../../src/core/inventory.ts';
import { renderConfiguration } from '../../src/core/routing/configuration.ts';
import { declaredGroups } from '../../src/core/routing/groups.ts';
import { renderSite } from '../../src/core/routing/site.ts';
import { parseSyntax, type Directive } from '../../src/core/routing/syntax.ts';
import { supervisorConfiguration, systemdUnit, tmpfilesLine } from '../../src/core/service.ts';
import { sudoersFile } from '../../src/core/setup.ts';

/**
 * Whatever an inventory says that the reader lets through, the files that are made of it have the directives of the template and no other.
 */

const RUNS = process.env['ORCHESTRATE_TEST_ALL'] ? 10_000 : 500;

const template = (name: string): string => readFileSync(new URL(`../../templates/${name}`, import.meta.url), 'utf8');
const TEMPLATES = {
  upstream: template('upstream.conf.hbs'),
  site: template('site.conf.hbs'),
  sudoers: template('sudoers.hbs'),
  supervisor: template('supervisor.conf.hbs'),
  systemd: template('gunicorn@.service.hbs'),
  tmpfiles: template('tmpfiles.conf.hbs'),
};

const PARTS = [
  ...'a0/.-_@: \t\n\r;{}$"\'`\\#%&|<>*()=,~!?[]^\u0000\u001b\u0085\u2028é'.split(''),
  '; include /etc/passwd;',
  '}\nserver { listen 80; }',
  '\n[program:evil]\ncommand=sh',
  '\nExecStartPre=/bin/sh',
  ' ALL=(ALL) NOPASSWD: ALL',
  '\nd /etc 0777 evil',
  ', ALL',
  '%h',
  '${x}',
  '$(id)',
  '{{app}}',
  ' ;x',
  ' #x',
  "'",
  '\\',
];
const nasty = fc.array(fc.constantFrom(...PARTS), { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''));
/** A value that is tame, hostile, or tame with something hostile at its end, middle or begin. */
const spoilt = (tame: string): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 60, arbitrary: fc.constant(tame) },
    { weight: 2, arbitrary: nasty },
    { weight: 1, arbitrary: nasty.map((evil) => tame + evil) },
    { weight: 1, arbitrary: nasty.map((evil) => tame.slice(0, 3) + evil + tame.slice(3)) },
  );
/** Shell text is free within its line: the most hostile of all that may come. */
const command = (tame: string): fc.Arbitrary<string> =>
  fc.oneof(
    spoilt(tame),
    // oxlint-disable-next-line no-control-regex -- control characters are what is left out
    nasty.map((evil) => `${tame} ${evil.replaceAll(/[\u0000-\u001f\u0085\u2028]/g, '')}`),
  );

const written = fc
  .record({
    app: spoilt('shop'),
    user: spoilt('deploy'),
    backend: spoilt('web1'),
    root: spoilt('/srv/www/shop'),
    code: spoilt('repository'),
    virtualenv: spoilt('virtualenv'),
    envFile: spoilt('env'),
    published: spoilt('/srv/www/shop-static'),
    name: spoilt('shop'),
    run: command('gunicorn shop.wsgi --bind 0.0.0.0:$PORT'),
    host: spoilt('shop.example.com'),
    file: spoilt('/etc/nginx/orchestrate/shop.conf'),
    folder: spoilt('/var/lib/orchestrate/shop'),
    method: spoilt('least_conn'),
    options: spoilt('max_fails=0'),
    status: spoilt('127.0.0.1:8099'),
    test: command('sudo nginx -t'),
    reload: command('sudo nginx -s reload'),
    log: spoilt('/var/log/nginx/shop.json'),
    manager: fc.constantFrom('supervisor', 'systemd'),
  })
  .map((of) => ({
    app: of.app,
    ssh: { user: of.user },
    balancers: { lb1: { address: '10.0.0.10' } },
    backends: { [of.backend]: { address: '10.0.0.11' }, other: { address: '10.0.0.12', weight: 2 } },
    release: { root: of.root, code: of.code, virtualenv: of.virtualenv, env_file: of.envFile },
    build: { static: { publish: { to: 'balancers', path: of.published } } },
    service: { manager: of.manager, name: of.name, command: of.run },
    health: { host: of.host },
    nginx: {
      file: of.file,
      folder: of.folder,
      method: of.method,
      server_options: of.options,
      status: of.status,
      test: of.test,
      reload: of.reload,
      access_log: of.log,
    },
  }));

const inventoryFrom = (value: unknown): Inventory | null => {
  const read = readInventory(JSON.stringify(value), 'inventory.yaml', '/root');
  return read.ok ? read.inventory : null;
};

interface Rendered {
  readonly upstream: string;
  readonly site: string;
  readonly supervisor: string;
  readonly systemd: string;
  readonly tmpfiles: string;
  readonly sudoers: string | null;
}

function rendered(inventory: Inventory): Rendered {
  const [backend] = inventory.backends;
  assert.ok(backend);
  const user = backend.ssh.user ?? 'deploy';
  return {
    upstream: renderConfiguration(inventory, declaredGroups(inventory), TEMPLATES.upstream).text,
    site: renderSite(inventory, { listen: '80' }, TEMPLATES.site),
    supervisor: supervisorConfiguration(inventory, backend, TEMPLATES.supervisor, user),
    systemd: systemdUnit(inventory, backend, TEMPLATES.systemd, user),
    tmpfiles: tmpfilesLine(inventory, backend, TEMPLATES.tmpfiles, user),
    sudoers: sudoersFile(inventory, () => user, TEMPLATES.sudoers),
  };
}

/** The names of directives and how they stand in each other, and how many words each has; what the map and upstream blocks hold is named by the inventory. */
function structure(directives: readonly Directive[], around = ''): string[] {
  return directives.flatMap(({ words, block }) => {
    const [name = ''] = words;
    const free = ['map', 'split_clients', 'upstream/hash'].includes(around);
    const own = free ? '(entry)' : name;
    return [
      `${around}/${own} ${own === 'hash' ? '' : words.length}`,
      ...(block === undefined ? [] : structure(block, name)),
    ];
  });
}

function nginxStructure(text: string): string[] {
  const read = parseSyntax(text);
  assert.ok(!('problem' in read), 'problem' in read ? read.problem : '');
  // How a group chooses its servers is one word, or none, or some: by nginx.method. Options stand behind the server.
  return structure(read.directives)
    .filter((line) => !/^upstream\/(least_conn|ip_hash|hash) /.test(line))
    .map((line) => line.replace(/^(upstream\/server) \d+$/, '$1'));
}

/** Sections and keys in order, comments left out. */
const iniStructure = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^[#;]/.test(line))
    .map((line) => (line.startsWith('[program:') ? '[program]' : line.replace(/=.*$/s, '=')));

const tameOf = (inventory: Inventory): Rendered => {
  const tame = inventoryFrom({
    app: 'shop',
    ssh: { user: 'deploy' },
    balancers: { lb1: { address: '10.0.0.10' } },
    backends: { web1: { address: '10.0.0.11' }, other: { address: '10.0.0.12', weight: 2 } },
    release: { root: '/srv/www/shop' },
    build: { static: { publish: { to: 'balancers', path: '/srv/www/shop-static' } } },
    service: { manager: inventory.service.manager, name: 'shop' },
    health: { host: 'shop.example.com' },
  });
  assert.ok(tame);
  return rendered(tame);
};

test('no inventory puts a directive into a file that its template does not have', () => {
  let hostile = 0;
  fc.assert(
    fc.property(written, (value) => {
      const inventory = inventoryFrom(value);
      if (inventory === null) return;
      hostile += 1;
      const [made, tame] = [rendered(inventory), tameOf(inventory)];
      for (const key of ['upstream', 'site'] as const)
        assert.deepEqual(nginxStructure(made[key]).toSorted(), nginxStructure(tame[key]).toSorted(), key);
      for (const key of ['supervisor', 'systemd'] as const)
        assert.deepEqual(iniStructure(made[key]), iniStructure(tame[key]), key);
      const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      assert.equal(lines(made.tmpfiles).length, 1);
      assert.match(lines(made.tmpfiles)[0] ?? '', /^d \/run\/[a-z][a-z0-9_]* 0755 [A-Za-z0-9_.@-]+ - -$/);
      for (const line of made.sudoers === null ? [] : lines(made.sudoers))
        assert.match(line, /^[A-Za-z0-9_.@-]+ ALL=\(root\) NOPASSWD: /);
    }),
    { numRuns: RUNS },
  );
  // Else it would hold for a reader that refuses everything.
  assert.ok(hostile > RUNS / 20, `${hostile} got through`);
});

test('sudo, asked itself, reads two commands and no more in a line made of hostile ones', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sudoers-'));
  try {
    for (const evil of [
      'sudo nginx -t, ALL',
      'sudo nginx -t !ALL',
      'sudo nginx -t = x : y',
      String.raw`sudo nginx \-t`,
    ]) {
      const inventory = inventoryFrom({
        app: 'shop',
        ssh: { user: 'deploy' },
        balancers: { lb1: { address: '10.0.0.10' } },
        backends: { web1: { address: '10.0.0.11' } },
        release: { root: '/srv/www/shop' },
        service: { name: 'shop' },
        health: { host: 'shop.example.com' },
        nginx: { test: evil },
      });
      assert.ok(inventory);
      const file = join(folder, 'file');
      writeFileSync(file, sudoersFile(inventory, () => 'deploy', TEMPLATES.sudoers) ?? '', { mode: 0o440 });
      const found = JSON.parse(execFileSync('cvtsudoers', ['-f', 'json', file], { encoding: 'utf8' })) as {
        User_Specs: { Cmnd_Specs: { Commands: { command?: string; commandalias?: string }[] }[] }[];
      };
      const commands = found.User_Specs.flatMap((user) => user.Cmnd_Specs.flatMap(({ Commands }) => Commands));
      assert.deepEqual(
        commands.map(({ command: one }) => one?.startsWith('/usr/sbin/nginx ')),
        [true, true],
        evil,
      );
      rmSync(file);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('Nginx itself takes what is made of the strangest that gets through', () => {
  const folder = mkdtempSync(join(tmpdir(), 'injection-'));
  try {
    const inventory = inventoryFrom({
      app: 'a_0',
      balancers: { lb1: { address: '10.0.0.10' } },
      backends: { 'a-1': { address: '10.0.0.11' }, '0': { address: 'fd00::1', weight: 9 } },
      release: { root: '/srv/+@_.-/x' },
      build: { static: { publish: { to: 'balancers', path: `${folder}/s+@_.-` } } },
      service: { name: 'a:b_0@x.y', command: `gunicorn 'x;y' "#" %h \${z} $PORT \\ {}` },
      health: { host: '[fd00::1]:8443' },
      nginx: {
        folder: `${folder}/+@_.-`,
        access_log: `${folder}/+@_.log`,
        method: 'hash $request_uri:/x.y-z consistent',
        server_options: 'max_fails=0 max_conns=7 fail_timeout=5s',
        status: '[::1]:18099',
      },
    });
    assert.ok(inventory);
    const { upstream, site } = rendered(inventory);
    const nginx = (text: string): string => {
      writeFileSync(
        join(folder, 'nginx.conf'),
        `pid ${folder}/pid;\nerror_log stderr;\nevents { }\nhttp {\naccess_log off;\nclient_body_temp_path ${folder}/b;\nproxy_temp_path ${folder}/p;\nfastcgi_temp_path ${folder}/f;\nuwsgi_temp_path ${folder}/u;\nscgi_temp_path ${folder}/c;\n${text}}\n`,
      );
      const ran = spawnSync('/usr/sbin/nginx', ['-t', '-q', '-p', folder, '-c', join(folder, 'nginx.conf')], {
        encoding: 'utf8',
      });
      return ran.status === 0 ? '' : ran.stderr;
    };
    assert.equal(nginx(upstream + site.replace('listen 80;', 'listen 18080;')), '');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
