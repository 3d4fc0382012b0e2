import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { KEY, RELEASE, Workshop } from './workshop.ts';

describe('shipping from the builder to another host', () => {
  const shop = new Workshop();
  const [builder, other] = [shop.path('builder'), shop.path('other')];
  let whole: Buffer;
  before(async () => {
    shop.write(`builder/${RELEASE}`, {
      'release.json': `{"release":"${RELEASE}","virtualenv":"${KEY}"}\n`,
      'repository/site.py': 'print(1)\n',
      'repository/a file with “odd” $(signs)': 'x',
    });
    execFileSync('ln', ['-s', `${builder}/shared/media`, `${builder}/${RELEASE}/repository/media`]);
    execFileSync('ln', ['-s', `../virtualenvs/${KEY}`, `${builder}/${RELEASE}/virtualenv`]);
    shop.write(`builder/virtualenvs/${KEY}`, { complete: '1\n', 'bin/python': 'not really' });
    whole = (await shop.run('pack', [builder, RELEASE, KEY])).stdout;
  });
  after(() => shop.close());
  const unpack = (bytes: Buffer) =>
    shop.run('unpack', [...shop.fence(other), other, RELEASE, 'repository', KEY, 'media', 'media'], bytes);

  it('packs nothing that is not complete', async () => {
    shop.write(`builder/20261123-0214-0000000`, { x: '' });
    const ended = await shop.run('pack', [builder, '20261123-0214-0000000']);
    assert.equal(ended.code, 78);
    assert.equal(ended.out, '');
    assert.equal((await shop.run('pack', [builder, RELEASE, 'ffff'])).code, 78);
  });

  it('puts no digest behind a stream whose packing failed', async () => {
    // A file that can't be read, even by root: it goes while tar reads the folder.
    execFileSync('sh', [
      '-c',
      `mkdir ${shop.path('bin')} && printf '#!/bin/sh\nhead -c 100 /dev/zero; exit 2\n' >${shop.path('bin')}/tar && chmod +x ${shop.path('bin')}/tar`,
    ]);
    const path = process.env['PATH'];
    process.env['PATH'] = `${shop.path('bin')}:${path}`;
    const ended = await shop.run('pack', [builder, RELEASE]);
    process.env['PATH'] = path;
    assert.equal(ended.code, 1);
    assert.match(ended.err, /packing failed/);
    assert.equal((await unpack(ended.stdout)).code, 1);
    assert.equal(existsSync(`${other}/${RELEASE}`), false);
  });

  it('gives up where the link was cut without a word: the lock is not held for ever', async () => {
    const silent = new PassThrough();
    silent.write(whole.subarray(0, 90));
    process.env['patience'] = '0.1';
    const ended = await shop.run(
      'unpack',
      [...shop.fence(other), other, RELEASE, 'repository', KEY, 'media', 'media'],
      silent,
    );
    delete process.env['patience'];
    assert.equal(ended.code, 1);
    assert.match(ended.err, /the stream was cut/);
  });

  it('refuses what was cut or damaged, and a release whose virtual environment is nowhere', async () => {
    const damaged = Buffer.from(whole);
    damaged[100] = (damaged[100] ?? 0) ^ 1;
    for (const bytes of [whole.subarray(0, -1), whole.subarray(0, 90), Buffer.alloc(0), damaged]) {
      assert.equal((await unpack(bytes)).code, 1);
      assert.deepEqual(
        readdirSync(other).filter((name) => name !== 'shared'),
        ['.orchestrate'],
      );
    }
    const alone = (await shop.run('pack', [builder, RELEASE])).stdout;
    const ended = await unpack(alone);
    assert.equal(ended.code, 1);
    assert.match(ended.err, /lacks virtual environment/);
    assert.equal(existsSync(`${other}/${RELEASE}`), false);
  });

  it('unpacks release and virtual environment, once', async () => {
    shop.write(`other/${RELEASE}`, { 'half-made': '' });
    shop.write(`other/virtualenvs/${KEY}`, { 'half-made': '' });
    const ended = await unpack(whole);
    assert.equal(ended.code, 0, ended.err);
    assert.match(ended.out, new RegExp(`^${RELEASE} is here with its virtual environment: \\d+ kB received\n$`));
    assert.equal(readFileSync(`${other}/${RELEASE}/virtualenv/bin/python`, 'utf8'), 'not really');
    assert.equal(existsSync(`${other}/${RELEASE}/half-made`), false);
    assert.equal(existsSync(`${other}/virtualenvs/${KEY}/half-made`), false);
    assert.equal(existsSync(`${other}/shared/media`), true);
    assert.equal(existsSync(`${other}/.orchestrate/incoming`), false);
    assert.equal((await unpack(whole)).out, `${RELEASE} is there\n`);
  });

  it('links what is shared with this host’s own', () => {
    assert.equal(
      execFileSync('readlink', [`${other}/${RELEASE}/repository/media`], { encoding: 'utf8' }).trim(),
      `${other}/shared/media`,
    );
  });
});
