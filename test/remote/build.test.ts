import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { formatRelease, parseRelease } from '../../src/core/release.ts';
import { openSource, type Source } from '../../src/fleet/source.ts';
import { KEY, PYTHON, RELEASE, SITE, Workshop } from './workshop.ts';

/** A package in a wheel, made by hand: no index is reachable. */
const WHEEL = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1] + '/tiny-1.0-py3-none-any.whl', 'w') as wheel:
    wheel.writestr('tiny.py', 'here = True\\n')
    wheel.writestr('tiny-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n')
    wheel.writestr('tiny-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr('tiny-1.0.dist-info/RECORD', 'tiny.py,,\\ntiny-1.0.dist-info/METADATA,,\\ntiny-1.0.dist-info/WHEEL,,\\ntiny-1.0.dist-info/RECORD,,\\n')
`;

describe('building on the builder', () => {
  const shop = new Workshop();
  const root = shop.path('srv');
  let source: Source;
  let commit: string;
  before(async () => {
    shop.write('project', { ...SITE, 'requirements.txt': 'tiny==1.0\n', 'media/readme': 'in the commit' });
    commit = shop.commit('project');
    shop.write('wheels', { './': '' });
    execFileSync(PYTHON, ['-c', WHEEL, shop.path('wheels')]);
    // The values would do harm if any shell ever read them as its own.
    shop.write('srv/shared', {
      env: `# for everything\n\nPIP_NO_INDEX=1\nPIP_FIND_LINKS=${shop.path('wheels')}\nSECRET_KEY="$(touch ${shop.path('harm')}); 'x"\r\nIFS=e`,
    });
    source = await openSource({ source: 'project' }, shop.path('cache'), shop.folder);
  });
  after(() => shop.close());

  const manifest = (): string =>
    formatRelease({
      version: 1,
      release: RELEASE,
      commit,
      ref: 'main',
      subject: 'It’s “quoted” $(x)',
      author: 'T',
      committed: '2026-11-23T00:00:00Z',
      built: '2026-11-23T02:14:00Z',
      virtualenv: KEY,
    });
  const receive = (input: Parameters<Workshop['run']>[2]) =>
    shop.run('receive-source', [...shop.fence(root), root, RELEASE, 'repository'], input);
  const pip = [
    root,
    RELEASE,
    'repository',
    KEY,
    PYTHON,
    'requirements.txt',
    'env',
    '--system-site-packages',
    '--without-pip',
  ];
  const virtualenv = () => shop.run('virtualenv', [...shop.fence(root), ...pip]);
  const names = [
    root,
    RELEASE,
    'repository',
    'virtualenv',
    KEY,
    'env',
    'python manage.py',
    'python manage.py collectstatic --noinput',
    'static',
  ];
  const shared = ['media', 'media', 'var/log', 'logs'];
  const build = (...commands: string[]) =>
    shop.run('build', [...shop.fence(root), ...names, ...shared, '--', ...commands], manifest());

  it('takes no stream that was cut or damaged, and leaves nothing of it', async () => {
    const whole = await buffer(source.archive(commit));
    assert.equal(whole.length, await source.size(commit));
    const damaged = Buffer.from(whole);
    damaged[200] = (damaged[200] ?? 0) ^ 1;
    for (const bytes of [whole.subarray(0, -1), whole.subarray(0, 1000), Buffer.alloc(0), damaged]) {
      const ended = await receive(bytes);
      assert.equal(ended.code, 1, ended.err);
      assert.match(ended.err, /was cut|digest differs/);
      assert.equal(existsSync(`${root}/${RELEASE}`), false);
      assert.equal(existsSync(`${root}/.orchestrate/incoming`), false);
    }
  });

  it('unpacks the commit', async () => {
    assert.equal((await receive(source.archive(commit))).code, 0);
    assert.equal((await receive(source.archive(commit))).code, 0, 'and once more');
    assert.equal(readFileSync(`${root}/${RELEASE}/repository/catalog/static/mark.svg`, 'utf8'), '<svg/>\n');
  });

  it('builds the virtual environment once, with the environment file and no shell in between', async () => {
    shop.write(`srv/virtualenvs/${KEY}`, { 'half-made': '' });
    const built = await virtualenv();
    assert.equal(built.code, 0, built.err);
    assert.match(built.out, /is built: \d+ MB/);
    assert.equal(existsSync(`${root}/virtualenvs/${KEY}/half-made`), false);
    assert.match(
      execFileSync(`${root}/virtualenvs/${KEY}/bin/python`, ['-c', 'import tiny; print(tiny.__cached__)'], {
        encoding: 'utf8',
      }),
      /tiny.*pyc/,
    );
    assert.equal(existsSync(shop.path('harm')), false);
    const again = await virtualenv();
    assert.equal(again.out, `virtual environment ${KEY} is there\n`);
    assert.equal(again.err, '', 'no pip');
  });

  it('says what pip could not install, and leaves nothing of the virtual environment', async () => {
    shop.write(`srv/${RELEASE}/repository`, { 'impossible.txt': 'no-such-package==9\n' });
    const args = pip.map((word) =>
      word === KEY ? 'ffffffffffffffff' : word === 'requirements.txt' ? 'impossible.txt' : word,
    );
    const ended = await shop.run('virtualenv', [...shop.fence(root), ...args]);
    assert.equal(ended.code, 1);
    assert.match(
      ended.err,
      /No matching distribution found for no-such-package==9\npip could not install impossible.txt/,
    );
    assert.equal(existsSync(`${root}/virtualenvs/ffffffffffffffff`), false);
  });

  it('refuses build commands that change what releases share', async () => {
    const ended = await build('touch "$VIRTUAL_ENV/lib/new"');
    assert.equal(ended.code, 1);
    assert.match(ended.err, /build.commands changed .*\/lib\/new, but releases share/);
    execFileSync('rm', [`${root}/virtualenvs/${KEY}/lib/new`]);
  });

  it('says which command failed, and leaves nothing of the release', async () => {
    await receive(source.archive(commit));
    const ended = await build('echo "told $SECRET_KEY"', 'echo of no use >&2; exit 7');
    assert.equal(ended.code, 1);
    assert.match(ended.err, /told \$\(touch .*\); 'x\n/);
    assert.match(ended.err, /of no use\nfailed: echo of no use/);
    assert.equal(existsSync(`${root}/${RELEASE}`), false);
  });

  it('makes a complete release', async () => {
    await receive(source.archive(commit));
    const built = await build('command -v python >which.txt');
    assert.equal(built.code, 0, built.err);
    assert.equal(built.out, `${RELEASE} is built: 2 hashed static files and 2 others\n`);
    const folder = `${root}/${RELEASE}`;
    assert.equal(readFileSync(`${folder}/repository/which.txt`, 'utf8'), `${root}/virtualenvs/${KEY}/bin/python\n`);
    assert.equal(readlinkSync(`${folder}/virtualenv`), `../virtualenvs/${KEY}`);
    assert.equal(readlinkSync(`${folder}/repository/media`), `${root}/shared/media`);
    assert.equal(readlinkSync(`${folder}/repository/var/log`), `${root}/shared/logs`);
    assert.equal(existsSync(`${root}/shared/logs`), true);
    assert.equal(existsSync(`${folder}/repository/catalog/__pycache__`), true);
    assert.deepEqual(parseRelease(readFileSync(`${folder}/release.json`, 'utf8')), { release: JSON.parse(manifest()) });
    assert.match(readFileSync(`${folder}/static.list`, 'utf8'), /^hashed [0-9a-f]{64} site\.[0-9a-f]{12}\.css$/m);
    assert.equal((await build()).out, `${RELEASE} is built\n`, 'and is not built again');
    assert.equal(
      (await receive(source.archive(commit))).out,
      `the code of ${RELEASE} is there\n`,
      'nor received again',
    );
  });

  it('does not touch a half-made release that a link names', async () => {
    execFileSync('sh', [
      '-c',
      `cd ${root} && mv ${RELEASE}/release.json kept.json && mkdir slots && ln -s ${RELEASE} current && ln -s ../current slots/8000`,
    ]);
    const ended = await receive(source.archive(commit));
    assert.equal(ended.code, 78);
    assert.match(ended.err, /and yet .*current names it/);
  });

  it('refuses names that are not of ours', async () => {
    for (const name of ['..', 'current', `${RELEASE}/..`, `${RELEASE}0`, '']) {
      const ended = await shop.run(
        'receive-source',
        [...shop.fence(root), root, name, 'repository'],
        source.archive(commit),
      );
      assert.equal(ended.code, 78, name);
    }
  });
});
