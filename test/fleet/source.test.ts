import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Refusal } from '../../src/core/failure.ts';
import { openSource, type Source } from '../../src/fleet/source.ts';

describe('the source', () => {
  const folder = mkdtempSync(join(tmpdir(), 'source-'));
  const cache = join(folder, 'cache');
  const project = join(folder, 'project');
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', project, '-c', 'user.name=Ö N', '-c', 'user.email=t@example.com', ...args], {
      encoding: 'utf8',
    }).trim();
  const write = (files: Record<string, string>): void => {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(project, name)), { recursive: true });
      writeFileSync(join(project, name), text);
    }
  };
  const commit = (subject: string): string => {
    git('add', '--all');
    git('commit', '--quiet', '--message', subject);
    return git('rev-parse', 'HEAD');
  };
  let source: Source;
  let first: string;
  before(async () => {
    mkdirSync(project);
    git('init', '--quiet', '--initial-branch', 'main');
    write({
      'requirements.txt': '-r requirements/base.txt\n./lib\n',
      'requirements/base.txt': '-c limits.txt\ndjango\n',
      'requirements/limits.txt': 'django<4\n',
      'lib/setup.py': '1',
      'editable.txt': '-e ./lib\n',
      'loop.txt': '-r loop.txt\n',
      'missing.txt': '-r nowhere.txt\n',
      'outside.txt': '-r ../../etc/passwd\n',
    });
    first = commit('The “first” $(one)');
    git('tag', 'v1');
    source = await openSource({ source: 'project' }, cache, folder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const refused = async (what: Promise<unknown>, words: RegExp): Promise<void> => {
    await assert.rejects(
      what,
      (error: unknown) => error instanceof Refusal && error.exit === 2 && words.test(error.message),
    );
  };

  it('resolves branches, tags and commits', async () => {
    for (const ref of ['main', 'v1', 'HEAD', first.slice(0, 9), 'refs/heads/main']) {
      const found = await source.resolve(ref);
      assert.deepEqual([found.commit, found.subject, found.author], [first, 'The “first” $(one)', 'Ö N']);
      assert.ok(!Number.isNaN(Date.parse(found.date)));
    }
  });

  it('refuses what is no ref, and what git would take for an option', async () => {
    for (const ref of ['nope', '', '--help', '-C', '--output=/tmp/x', 'a b', 'main..v1', `main:requirements.txt`]) {
      await refused(source.resolve(ref), /has no branch, tag or commit/);
    }
  });

  it('refuses what is no repository', async () => {
    await refused(openSource({ source: folder }, cache), /is not a git repository/);
    await refused(openSource({ source: '--upload-pack=x' }, cache), /is no path and no URL/);
    await refused(openSource({ source: `file://${folder}/nowhere` }, cache), /can’t be fetched/);
    await refused(openSource({ source: 'ext::sh -c true' }, cache), /is not a git repository/);
  });

  it('gives files as of the commit, and says what is not shipped', async () => {
    assert.deepEqual(await source.warnings(first), []);
    write({ 'requirements.txt': 'changed' });
    assert.equal(await source.file(first, 'requirements.txt'), '-r requirements/base.txt\n./lib\n');
    assert.deepEqual(await source.warnings(first), ['project has uncommitted changes: they are not shipped']);
    git('checkout', '--quiet', '.');
    for (const path of ['nowhere', '../project/requirements.txt', '/etc/passwd', '..'])
      assert.equal(await source.file(first, path), null, path);
  });

  it('follows requirements into nested files and local packages', async () => {
    const found = await source.requirements(first, 'requirements.txt');
    assert.deepEqual(found.files.map(({ path }) => path).toSorted(), [
      'requirements.txt',
      'requirements/base.txt',
      'requirements/limits.txt',
    ]);
    assert.deepEqual(found.local, [{ path: 'lib', hash: git('rev-parse', `${first}:lib`) }]);
    assert.equal((await source.requirements(first, 'loop.txt')).files.length, 1);
    await refused(source.requirements(first, 'missing.txt'), /has no file nowhere.txt, which missing.txt names/);
    await refused(source.requirements(first, 'outside.txt'), /has no file/);
    await refused(source.requirements(first, 'editable.txt'), /would tie the virtual environment/);
  });

  it('gives the commit’s files, with their digest behind, of a known size', async () => {
    const bytes = await buffer(source.archive(first));
    assert.equal(bytes.length, await source.size(first));
    assert.match(bytes.subarray(-65).toString(), /^[0-9a-f]{64}\n$/);
    const list = execFileSync('tar', ['-tf', '-'], { input: gunzipSync(bytes.subarray(0, -65)), encoding: 'utf8' });
    assert.match(list, /^requirements\/limits.txt$/m);
    await assert.rejects(buffer(source.archive('0'.repeat(40))), /git archive/);
  });

  it('mirrors a URL, and fetches what is new', async () => {
    const url = { source: `file://${project}` };
    assert.equal((await (await openSource(url, cache)).resolve('main')).commit, first);
    write({ new: '1' });
    const second = commit('second');
    const mirror = await openSource(url, cache);
    assert.equal((await mirror.resolve('main')).commit, second);
    assert.equal(await mirror.file(second, 'new'), '1');
    assert.equal((await mirror.requirements(second, 'requirements.txt')).files.length, 3);
    assert.deepEqual(await mirror.warnings(second), []);
  });

  it('takes a folder of a larger repository for the whole', async () => {
    const part = await openSource({ source: join(project, 'requirements') }, cache);
    assert.equal(await part.file(first, 'base.txt'), '-c limits.txt\ndjango\n');
    const list = execFileSync('tar', ['-tf', '-'], {
      input: gunzipSync((await buffer(part.archive(first))).subarray(0, -65)),
      encoding: 'utf8',
    });
    assert.deepEqual(list.trim().split('\n').toSorted(), ['base.txt', 'limits.txt']);
  });

  it('keeps only a few archives', async () => {
    for (const n of [1, 2, 3, 4]) {
      write({ new: `number ${n}` });
      await source.size(commit(`c${n}`));
    }
    assert.equal(readdirSync(join(cache, 'archives')).length, 3);
  });
});
