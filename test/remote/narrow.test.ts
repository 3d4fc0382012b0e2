import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { createHash } from 'node:crypto';
import { formatDetails } from '../../src/core/lease.ts';
import { RELEASE, Workshop } from './workshop.ts';

/** What others of a host may do with what orchestrate makes there. */
describe('files and folders on hosts', () => {
  const shop = new Workshop();
  after(() => shop.close());
  const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

  it('give others neither locks to hold nor code to read', async () => {
    const root = shop.write('srv', { 'x/': '' });
    const bytes = execFileSync('tar', ['-czf', '-', '-C', shop.write('code', { 'settings.py': 'SECRET = 1' }), '.']);
    const sent = Buffer.concat([bytes, Buffer.from(`${createHash('sha256').update(bytes).digest('hex')}\n`)]);
    const ended = await shop.run('receive-source', [...shop.fence(root), root, RELEASE, 'repository'], sent);
    assert.equal(ended.code, 0, ended.err);
    assert.equal(mode(`${root}/${RELEASE}`), '750');
    assert.equal(mode(`${root}/.orchestrate`), '700');
    for (const name of ['lock', 'fence']) assert.equal(mode(`${root}/.orchestrate/${name}`), '600', name);
  });

  it('let the workers of a balancer pass, and nobody read what is remembered', async () => {
    const folder = shop.write('lib', { 'x/': '' });
    const details = formatDetails({ by: 'ada@laptop', command: 'roll', since: '2026-11-23T02:14:00Z' });
    const lease = await shop.run('lease', ['acquire', folder, 'ada', '1', '30', details]);
    assert.equal(lease.code, 0, lease.err);
    const made = await shop.run('move', [folder, '1', '1', 'ada', 'none', '000001', 'stable=all'], '{"version":1}\n');
    assert.equal(made.code, 0, made.err);
    assert.deepEqual(
      ['lease.json', 'lease.lock', 'lock', 'fence', 'generations/000001/record.json'].map((name) =>
        mode(`${folder}/${name}`),
      ),
      ['640', '600', '600', '600', '640'],
    );
    for (const name of ['', 'generations', 'generations/000001', 'groups', 'groups/all'])
      assert.equal(mode(`${folder}/${name}`), '711', name);
  });
});
