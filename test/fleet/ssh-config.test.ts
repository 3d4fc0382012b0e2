import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { Host, HostSsh } from '../../src/core/inventory.ts';
import { ConnectError } from '../../src/fleet/ports.ts';
import { resolveSsh, thisMachine } from '../../src/fleet/ssh-config.ts';
import type { SshEnvironment } from '../../src/fleet/ssh-config.ts';

const home = '/home/me';

const world = (config: string | undefined, more: Readonly<Record<string, string>> = {}): SshEnvironment => ({
  home,
  user: 'me',
  readFile: (path) => (path === `${home}/.ssh/config` ? config : more[path]),
  glob: (pattern) => Object.keys(more).filter((path) => path.startsWith(pattern.replace(/\*.*$/, ''))),
});

const at = (address: string, ssh: Partial<HostSsh> = {}): Host => ({
  name: 'web1',
  address,
  ssh: {
    known_hosts: `${home}/.ssh/known_hosts`,
    config: `${home}/.ssh/config`,
    connect_timeout: 10_000,
    keepalive: 15_000,
    ...ssh,
  },
});

const CONFIG = `
User everybody
Host 10.0.0.1?
  HostName %h.internal
  Port 2222
  IdentityFile ~/.ssh/one
  IdentityFile "%d/with space/%r"
  ProxyJump alice@bastion:2200
Host bastion
  HostName 203.0.113.7
  User bob
  IdentityFile ~/.ssh/bastion
  ProxyJump outer
Host outer
  ProxyJump none
  UserKnownHostsFile ~/.ssh/outer_hosts
Host *
  IdentityFile ~/.ssh/all
  HostKeyAlias fleet
  IdentitiesOnly yes
`;

describe('without a configuration file', () => {
  test('OpenSSH’s defaults, and the user of this machine', () => {
    assert.deepEqual(resolveSsh(at('10.0.0.11'), world(undefined)), {
      address: '10.0.0.11',
      port: 22,
      user: 'me',
      identityFiles: [],
      identitiesOnly: false,
      knownHosts: [
        '/home/me/.ssh/known_hosts',
        '/home/me/.ssh/known_hosts2',
        '/etc/ssh/ssh_known_hosts',
        '/etc/ssh/ssh_known_hosts2',
      ],
    });
  });

  test('the inventory’s own keys, its known_hosts alone, and its user and key for its jump hosts', () => {
    const ssh = {
      user: 'deploy',
      port: 2022,
      identity_file: '/k',
      known_hosts: '/kh',
      jump: 'a,root@b:23',
      config: false,
    } as const;
    const found = resolveSsh(at('10.0.0.11', ssh), world(CONFIG));
    const same = { identityFiles: ['/k'], identitiesOnly: false, knownHosts: ['/kh'] };
    assert.deepEqual(found, {
      ...same,
      address: '10.0.0.11',
      port: 2022,
      user: 'deploy',
      jump: [
        { ...same, address: 'a', port: 22, user: 'deploy' },
        { ...same, address: 'b', port: 23, user: 'root' },
      ],
    });
  });

  test('a file that the inventory names must be there; the usual one need not', () => {
    assert.throws(() => resolveSsh(at('h', { config: '/nowhere' }), world(undefined)), {
      name: 'ConnectError',
      reason: 'configuration',
      message: 'there is no /nowhere',
    });
  });
});

describe('with ~/.ssh/config', () => {
  test('HostName, Port, several IdentityFiles with their tokens, and a chain of jumps, the nearest first', () => {
    const found = resolveSsh(at('10.0.0.11'), world(CONFIG));
    assert.equal(found.address, '10.0.0.11.internal');
    assert.equal(found.port, 2222);
    assert.equal(found.user, 'everybody');
    assert.deepEqual(found.identityFiles, ['/home/me/.ssh/one', '/home/me/with space/everybody', '/home/me/.ssh/all']);
    assert.equal(found.identitiesOnly, true);
    assert.equal(found.hostKeyAlias, 'fleet');
    assert.deepEqual(
      found.jump?.map(({ user, address, port }) => `${user}@${address}:${port}`),
      ['everybody@outer:22', 'alice@203.0.113.7:2200'],
    );
    assert.deepEqual(found.jump?.[0]?.knownHosts[0], '/home/me/.ssh/outer_hosts');
    assert.deepEqual(found.jump?.[1]?.identityFiles, ['/home/me/.ssh/bastion', '/home/me/.ssh/all']);
  });

  test('the inventory wins', () => {
    const found = resolveSsh(
      at('10.0.0.11', { user: 'deploy', port: 1, identity_file: '/k', jump: 'none' }),
      world(CONFIG),
    );
    assert.deepEqual([found.user, found.port, found.identityFiles, found.jump], ['deploy', 1, ['/k'], undefined]);
  });

  test('is asked about the address, not about the name in the inventory: that may be another fleet’s', () => {
    assert.equal(resolveSsh(at('10.0.0.11'), world('Host web1\n HostName evil')).address, '10.0.0.11');
  });

  test('a jump host for all is reached straight itself', () => {
    const config = 'Host *\n ProxyJump bastion\n';
    assert.equal(resolveSsh(at('bastion'), world(config)).jump, undefined);
    assert.deepEqual(
      resolveSsh(at('web'), world(config)).jump?.map((end) => end.address),
      ['bastion'],
    );
    assert.equal(resolveSsh(at('10.0.0.10', { jump: '10.0.0.10' }), world('')).jump, undefined);
  });

  test('jumps that lead in a circle are refused', () => {
    const config = 'Host a\n ProxyJump b\nHost b\n ProxyJump c\nHost c\n ProxyJump b\n';
    assert.throws(() => resolveSsh(at('a'), world(config)), { reason: 'configuration', message: /circle/ });
  });

  test('Match is honoured, and nothing is ever run for it', () => {
    const config = `
Match exec "touch /tmp/orchestrate-ran" host *
  Port 1
Match host web !user root originalhost w*,x*
  Port 2
Match all
  Port 3
Host *
  CanonicalizeHostname yes
  CanonicalDomains example.com
`;
    assert.equal(resolveSsh(at('web'), world(config)).port, 2);
    assert.equal(resolveSsh(at('web', { user: 'root' }), world(config)).port, 3);
  });

  test('Include, with wildcards, inside a section that applies', () => {
    const config = 'Include conf.d/*\nHost web\n Include ~/more\nHost other\n Include none-of-it\n';
    const more = {
      '/home/me/.ssh/conf.d/a': 'Host web\n User a\n',
      '/home/me/.ssh/conf.d/b': 'User b\n',
      '/home/me/more': 'Port 9\n',
      '/home/me/.ssh/none-of-it': 'Port 8\n',
    };
    const found = resolveSsh(at('web'), world(config, more));
    assert.deepEqual([found.user, found.port], ['a', 9]);
    assert.throws(() => resolveSsh(at('web'), world('Include config')), { message: /include each other/ });
  });

  test('what can’t be honoured is said, with what to do', () => {
    const refused = (config: string, message: RegExp): void =>
      assert.throws(
        () => resolveSsh(at('web'), world(config)),
        (error) =>
          error instanceof ConnectError && error.host === 'web1' && message.test(error.message) && error.remedy !== '',
      );
    refused('Host web\n ProxyCommand nc %h %p\n', /ProxyCommand/);
    refused('Host web\n IdentityFile "half\n', /can't be understood/);
    refused('Host\nPort 3\n', /Host has no value/);
    refused('Port ssh\n', /no port/);
    refused('ProxyJump a@b@c\n', /no host to jump/);
    refused('ProxyJump b:70000\n', /70000 is no port/);
    refused('IdentityFile ~/%Z\n', /%Z/);
    assert.equal(resolveSsh(at('web', { jump: 'none' }), world('ProxyCommand nc %h %p\n')).jump, undefined);
    assert.equal(resolveSsh(at('web'), world('ProxyCommand none\n')).jump, undefined);
  });
});

describe('beside the real ssh -G', () => {
  const folder = mkdtempSync(join(tmpdir(), 'orchestrate-ssh-config-'));
  after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'config');
  writeFileSync(
    file,
    `Host db* !db9\n  HostName %h.example.com\n  User=dbuser\n  Port 2201\n  IdentityFile /keys/a b\n
Host "web1" web?\n  IdentityFile /keys/web-%r\n  ProxyJump jump1,me@jump2:23\n
Match host *.example.com user dbuser\n  UserKnownHostsFile /kh/one /kh/two\n  IdentityFile /keys/match\n
Match !originalhost web* user ${userInfo().username}\n  HostKeyAlias matched\n
Host *\n  Port 2299\n  IdentityFile /keys/last\n  UserKnownHostsFile /kh/last\n  GlobalKnownHostsFile /kh/global\n`.replace(
      'a b',
      'ab',
    ),
  );
  for (const name of ['db1', 'db9', 'web1', 'web12', 'web', 'else'])
    test(name, () => {
      const said = execFileSync('ssh', ['-T', '-G', '-F', file, name], { encoding: 'utf8' })
        .split('\n')
        .map((line) => line.split(' '));
      const all = (key: string): string[] =>
        said.filter(([first]) => first === key).map(([, ...rest]) => rest.join(' '));
      const found = resolveSsh(at(name, { config: file, known_hosts: `${homedir()}/.ssh/known_hosts` }), thisMachine());
      assert.equal(found.address, all('hostname')[0]);
      assert.equal(String(found.port), all('port')[0]);
      assert.equal(found.user, all('user')[0]);
      assert.deepEqual(
        found.identityFiles,
        all('identityfile').map((path) => path.replace('%r', found.user)),
      );
      assert.equal(found.hostKeyAlias, all('hostkeyalias')[0]);
      assert.deepEqual(
        found.knownHosts,
        [...all('userknownhostsfile'), ...all('globalknownhostsfile')].join(' ').split(' '),
      );
      assert.equal(found.jump?.length, all('proxyjump')[0]?.split(',').length);
    });
});
