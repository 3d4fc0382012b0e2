import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { fingerprint, judge, listedTypes, parseKnownHosts } from '../../src/fleet/ssh/known-hosts.ts';
import { makeKey } from './sshd.ts';

const folder = mkdtempSync(join(tmpdir(), 'known-hosts-'));
after(() => rmSync(folder, { recursive: true }));
makeKey(join(folder, 'one'));
makeKey(join(folder, 'two'));
const line = (name: string): string => readFileSync(join(folder, `${name}.pub`), 'utf8').trim();
const key = (name: string): Buffer => Buffer.from(line(name).split(' ')[1] ?? '', 'base64');
const [one, two] = [line('one'), line('two')];
const verdict = (text: string, name: string, port = 22, shown = key('one')): string =>
  judge(parseKnownHosts(text, 'file'), name, port, shown).kind;

test('a key is known by name, pattern, port or hash', () => {
  assert.equal(verdict(`# comment\n\nweb1,10.0.0.11 ${one}`, '10.0.0.11'), 'known');
  assert.equal(verdict(`WEB1 ${one}`, 'Web1'), 'known');
  assert.equal(verdict(`web?.example.com ${one}`, 'web1.example.com'), 'known');
  assert.equal(verdict(`*.example.com,!web1.example.com ${one}`, 'web1.example.com'), 'unknown');
  assert.equal(verdict(`web1.example.com ${one}`, 'web1xexample.com'), 'unknown');
  assert.equal(verdict(`[web1]:2222 ${one}`, 'web1', 2222), 'known');
  assert.equal(verdict(`[web1]:2222 ${one}`, 'web1'), 'unknown');
  assert.equal(verdict(`web1 ${one}`, 'web1', 2222), 'known', 'listed without a port');
});

test('a changed and a revoked key are told apart from an unknown one', () => {
  assert.equal(verdict(`web1 ${two}`, 'web1'), 'changed');
  assert.equal(verdict(`web1 ${two}\nweb1 ${one}`, 'web1'), 'known');
  assert.equal(verdict(`web1 ${one}\n@revoked * ${one}`, 'web1'), 'revoked');
  assert.equal(verdict(`@revoked * ${one}`, 'web1', 2222), 'revoked');
  assert.equal(verdict(`web2 ${one}`, 'web1'), 'unknown');
  const [authority] = parseKnownHosts(`@cert-authority * ${one}`, 'file');
  assert.deepEqual(judge(parseKnownHosts(`@cert-authority * ${one}`, 'file'), 'web1', 22, key('one')), {
    kind: 'unknown',
    authority,
  });
});

test('the listed types come from the lines of the host alone', () => {
  const known = parseKnownHosts(`web1 ${one}\nweb1 ${two}\nweb2 ssh-rsa AAAAB3NzaC1yc2EA`, 'file');
  assert.deepEqual(listedTypes(known, 'web1', 22), ['ssh-ed25519']);
  assert.deepEqual(listedTypes(known, 'web2', 22), ['ssh-rsa']);
  assert.deepEqual(listedTypes(known, 'web3', 22), []);
});

test('the fingerprint is the one that ssh-keygen prints', () => {
  const printed = spawnSync('ssh-keygen', ['-lf', join(folder, 'one.pub')]).stdout.toString();
  assert.equal(printed.split(' ')[1], fingerprint(key('one')));
});

test('what is found is what ssh-keygen finds, hashed or not', () => {
  const hosts = fc.constantFrom(
    'web1',
    'web2',
    '10.0.0.1',
    '[web1]:2222',
    'WEB1',
    '!web1',
    'web*',
    'w?b1',
    '[web*]:2222',
  );
  const file = join(folder, 'known');
  fc.assert(
    fc.property(fc.uniqueArray(hosts, { minLength: 1, maxLength: 3 }), fc.boolean(), (names, hashed) => {
      const plain = names.every((name) => /^[a-z0-9.]+$/.test(name));
      writeFileSync(file, `${names.join(',')} ${one}\n`);
      if (hashed && plain) spawnSync('ssh-keygen', ['-q', '-H', '-f', file]);
      for (const [name, port, query] of [
        ['web1', 22, 'web1'],
        ['web1', 2222, '[web1]:2222'],
        ['10.0.0.1', 22, '10.0.0.1'],
      ] as const) {
        const { status } = spawnSync('ssh-keygen', ['-F', query, '-f', file]);
        const bare = port === 22 ? 1 : spawnSync('ssh-keygen', ['-F', name, '-f', file]).status;
        const expected = status === 0 || bare === 0 ? 'known' : 'unknown';
        assert.equal(verdict(readFileSync(file, 'utf8'), name, port), expected, `${names.join(',')} for ${query}`);
      }
    }),
    { numRuns: 20 },
  );
});

test('hostile text is no crash', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (text, name) => {
      judge(parseKnownHosts(`${text}\n|1|${text} ${one}\n${text} ${one}`, 'file'), name, 22, key('one'));
    }),
  );
});
