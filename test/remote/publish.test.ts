import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { Workshop } from './workshop.ts';

const sum = (text: string): string => createHash('sha256').update(text).digest('hex');
const [FIRST, SECOND, THIRD] = ['20261123-0001-aaaaaaa', '20261123-0002-bbbbbbb', '20261123-0003-ccccccc'] as const;

describe('publishing static files', () => {
  const shop = new Workshop();
  const [root, path, balancer] = [shop.path('srv'), shop.path('published'), shop.path('lib')];
  after(() => shop.close());
  const release = (name: string, hashed: Record<string, string>, others: Record<string, string>): void => {
    const list = [
      ...Object.entries(hashed).map(([file, text]) => `hashed ${sum(text)} ${file}\n`),
      ...Object.entries(others).map(([file, text]) => `other ${sum(text)} ${file}\n`),
    ];
    shop.write(`srv/${name}`, { 'release.json': '{}', 'static.list': list.join('') });
    shop.write(`srv/${name}/repository/static`, { ...hashed, ...others, 'staticfiles.json': '{}' });
  };
  const pack = async (name: string) => (await shop.run('pack-static', [root, name, 'repository', 'static'])).stdout;
  const publish = (name: string, bytes: Buffer) =>
    shop.run('publish-static', [balancer, '1', ...shop.fence(root).slice(2), path, name], bytes);
  const read = (file: string): string => readFileSync(`${path}/${file}`, 'utf8');

  it('publishes the first release, readable by all', async () => {
    release(
      FIRST,
      { 'a.111.css': 'a1', 'deep/er/b.111.js': 'b1' },
      { 'a.css': 'a1', 'deep/er/b.js': 'b1', list: 'x', 'ö “x” $(y)': 'odd' },
    );
    execFileSync('chmod', ['-R', 'go-rwx', `${root}/${FIRST}/repository/static`]);
    const bytes = await pack(FIRST);
    const ended = await publish(FIRST, bytes);
    assert.equal(ended.code, 0, ended.err);
    assert.equal(ended.out, 'hashed 2 new 2 others 4 replaced 0\n');
    assert.equal(read('deep/er/b.111.js'), 'b1');
    assert.equal(read('ö “x” $(y)'), 'odd');
    assert.equal(statSync(`${path}/deep/er/b.js`).mode & 0o777, 0o644);
    assert.equal(statSync(`${path}/deep/er`).mode & 0o777, 0o755);
    assert.equal(existsSync(`${path}/staticfiles.json`), false);
    assert.deepEqual(
      readdirSync(path).filter((name) => name.startsWith('.')),
      [],
    );
    assert.equal((await publish(FIRST, bytes)).out, 'hashed 2 new 0 others 4 replaced 0\n', 'and once more');
  });

  it('never overwrites a file with its digest in its name; the newest release wins for others', async () => {
    release(SECOND, { 'a.222.css': 'a2', 'deep/er/b.111.js': 'not b1' }, { 'a.css': 'a2', 'deep/er/b.js': 'b1' });
    const before = statSync(`${path}/deep/er/b.js`).ino;
    const ended = await publish(SECOND, await pack(SECOND));
    assert.equal(ended.out, 'hashed 2 new 1 others 2 replaced 1\n');
    assert.match(ended.err, /deep\/er\/b.111.js is published with another content; it is left as it is/);
    assert.equal(read('deep/er/b.111.js'), 'b1');
    assert.equal(read('a.111.css'), 'a1', 'the release before still finds its own');
    assert.equal(read('a.222.css'), 'a2');
    assert.equal(read('a.css'), 'a2');
    assert.equal(statSync(`${path}/deep/er/b.js`).ino, before, 'what is the same is not touched');
  });

  it('publishes nothing of a stream that was cut', async () => {
    release(THIRD, { 'a.333.css': 'a3' }, {});
    const bytes = await pack(THIRD);
    assert.equal((await publish(THIRD, bytes.subarray(0, -10))).code, 1);
    assert.equal(existsSync(`${path}/a.333.css`), false);
    assert.equal(existsSync(`${path}/.orchestrate-incoming`), false);
    assert.equal((await publish(THIRD, bytes)).out, 'hashed 1 new 1 others 0 replaced 0\n');
  });

  it('publishes nothing of what leads out of the folder, whoever packed it', async () => {
    const name = '20261123-0004-ddddddd';
    const packed = async (list: string, make: string): Promise<Buffer> => {
      const folder = shop.write('evil', { list: `${list}\n`, 'tree/a.css': 'a' });
      execFileSync('sh', ['-c', make], { cwd: folder });
      const bytes = execFileSync('tar', ['-czPf', '-', 'list', 'tree'], { cwd: folder });
      execFileSync('rm', ['-rf', folder]);
      return Buffer.concat([bytes, Buffer.from(`${createHash('sha256').update(bytes).digest('hex')}\n`)]);
    };
    const was = readdirSync(path).toSorted();
    for (const [file, make] of [
      ['../escaped', 'echo x >escaped'],
      ['a/../../escaped', ':'],
      ['/etc/escaped', ':'],
      ['a.css/', ':'],
      ['link', 'ln -s /etc/passwd tree/link'],
      ['sub/x', 'ln -s /tmp tree/sub'],
      ['pipe', 'mkfifo tree/pipe'],
    ] as const) {
      const ended = await publish(name, await packed(`other ${sum('a')} a.css\nother ${sum('x')} ${file}`, make));
      assert.equal(ended.code, 1, file);
      assert.match(ended.err, /lead out of their folder, or are no plain files/, file);
    }
    const ended = await publish(name, await packed('rm -rf /', ':'));
    assert.match(ended.err, /lead out of their folder/);
    assert.deepEqual(readdirSync(path).toSorted(), was);
    assert.equal(existsSync(`${balancer}/static/${name}.list`), false);
  });

  it('takes one rename call for many files of a folder', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 3000 }, (_, n) => [`many/${Math.floor(n / 100)}/${n}.abc.js`, `content ${n}`]),
    );
    release(THIRD, { 'a.333.css': 'a3', ...many }, {});
    const bytes = await pack(THIRD);
    assert.equal((await publish(THIRD, bytes)).out, 'hashed 3001 new 3000 others 0 replaced 0\n');
  });

  it('prunes hashed files that no kept release names', async () => {
    const prune = (...kept: string[]) =>
      shop.run('prune-static', [balancer, '1', ...shop.fence(root).slice(2), path, ...kept]);
    assert.match((await prune(SECOND, '20261123-0009-9999999')).out, /nothing is pruned/);
    assert.equal((await prune(SECOND, '--', '20261123-0009-9999999')).out, '3002 published files removed\n');
    assert.equal(existsSync(`${path}/a.111.css`), false);
    assert.equal(existsSync(`${path}/a.333.css`), false);
    assert.equal(read('deep/er/b.111.js'), 'b1', 'the second names it too');
    assert.equal(read('a.222.css'), 'a2');
    assert.equal(read('a.css'), 'a2');
    assert.equal((await prune(SECOND)).out, '0 published files removed\n');
  });
});
