import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { runLoad } from '../load/generator.ts';
import { readRows } from '../load/ledger.ts';
import { assertNothingLost, withLedger } from '../load/report.ts';
import { makeProject, type Project, type ReleaseName } from './make-project.ts';

const run = promisify(execFile);
const python = '/usr/bin/python3';
let folder = '';
let project: Project;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'project-'));
  project = await makeProject(join(folder, 'shop'));
});
after(() => rm(folder, { recursive: true, force: true }));

/** A release's code in a folder of its own, as a roll lays it down; all share one database. */
async function unpack(name: ReleaseName): Promise<string> {
  const code = join(folder, name);
  await mkdir(code);
  await run('git', ['archive', '--output', join(folder, `${name}.tar`), project.commits[name]], {
    cwd: project.folder,
  });
  await run('tar', ['-xf', join(folder, `${name}.tar`), '-C', code]);
  return code;
}

function environment(): NodeJS.ProcessEnv {
  const { PATH } = process.env;
  return { PATH, SHOP_SQLITE: join(folder, 'db.sqlite3'), SHOP_SERVE_STATIC: '1', PYTHONDONTWRITEBYTECODE: '1' };
}

async function manage(code: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(python, ['manage.py', ...args], { cwd: code, env: environment() });
  return stdout;
}

/** Starts Gunicorn on a free port; resolves with its address when it answers, or with what it said when it ended. */
async function serve(t: TestContext, code: string): Promise<{ target: string } | { said: string }> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const bound = probe.address();
  const target = `127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`;
  await new Promise((resolve) => probe.close(resolve));
  const what = [
    '-m',
    'gunicorn',
    'shop.wsgi',
    '--bind',
    target,
    '--workers',
    '1',
    '--threads',
    '8',
    '--keep-alive',
    '75',
  ];
  const child = spawn(python, what, { cwd: code, env: environment(), stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
  const ended = new Promise<true>((resolve) => child.on('close', () => resolve(true)));
  t.after(() => (child.kill('SIGTERM'), ended));
  for (;;) {
    if (await Promise.race([ended, sleep(50, false)])) return { said };
    if (
      await fetch(`http://${target}/slow?ms=0`).then(
        () => true,
        () => false,
      )
    )
      return { target };
  }
}

async function served(t: TestContext, code: string): Promise<string> {
  const found = await serve(t, code);
  if ('said' in found) throw new Error(found.said);
  return found.target;
}

test('the repository is the same everywhere, and needs no configuration', async () => {
  const again = await makeProject(join(folder, 'again'));
  assert.deepEqual(again.commits, project.commits);
  const { stdout } = await run('git', ['status', '--short', '--branch'], { cwd: project.folder });
  assert.equal(stdout.trim(), '## main');
  await assert.rejects(makeProject(project.folder), /is not empty/);
});

test('v1 and v2 on one database: migrated once, both go on serving under load', async (t) => {
  const [v1, v2] = await Promise.all([unpack('v1'), unpack('v2')]);
  await Promise.all([v1, v2].map((code) => manage(code, 'collectstatic', '--noinput')));
  await manage(v1, 'migrate', '--noinput');
  const old = await served(t, v1);
  const next = await served(t, v2);
  assert.equal((await fetch(`http://${old}/healthz`)).status, 200);
  assert.equal((await fetch(`http://${next}/healthz`)).status, 500, 'v2 is not healthy before its migration');
  assert.match(await manage(v2, 'migrate', '--noinput'), /0002_order_channel... OK/);
  assert.equal((await fetch(`http://${next}/healthz`)).status, 200);
  for (const name of ['v1', 'v2'] as const) {
    const css = await readFile(join(folder, name, 'static', project.stylesheets[name]));
    assert.ok(project.stylesheets[name].includes(createHash('md5').update(css).digest('hex').slice(0, 12)));
  }
  // Each alone, as each has its own static files.
  for (const target of [old, next]) {
    const mix = { rate: 60, connections: 6, slow: [50, 200], uploadTakes: [200, 400], fetchWithin: 300 } as const;
    const { v1: first, v2: second } = project.stylesheets;
    const load = await runLoad({ targets: [target], releases: { v1: first, v2: second }, seconds: 2, mix });
    const report = await load.done;
    const ledger = await fetch(`http://${target}/orders/ledger?prefix=${report.run}-`);
    assertNothingLost(withLedger(report, readRows(await ledger.text())));
    assert.deepEqual(Object.keys(report.perRelease), [target === old ? 'v1' : 'v2']);
    const { rows, distinct } = JSON.parse(
      await (await fetch(`http://${target}/orders/count?prefix=${report.run}-`)).text(),
    );
    assert.deepEqual([rows, distinct], [report.orders.acknowledged.length, report.orders.acknowledged.length]);
  }
});

test('each bad release is bad in its own way, and in no other', async (t) => {
  const names = ['bad-import', 'bad-build', 'bad-health-503', 'bad-health-redirect', 'bad-migration'] as const;
  const [crash, build, sick, redirect, drop] = await Promise.all(names.map(unpack));
  assert.match(await manage(crash!, 'check'), /no issues/);
  const found = await serve(t, crash!);
  assert.match('said' in found ? found.said : 'serves', /No module named 'shop.payments'/);
  await assert.rejects(manage(build!, 'collectstatic', '--noinput'), /missing\.png/);
  const { status } = await fetch(`http://${await served(t, sick!)}/healthz`);
  assert.equal(status, 503);
  const answer = await fetch(`http://${await served(t, redirect!)}/healthz`, { redirect: 'manual' });
  assert.equal(answer.status, 302);
  assert.match(await manage(drop!, 'migrate', '--plan'), /Remove field channel from order/);
  const { stdout } = await run('git', ['show', 'bad-requirements:requirements.txt'], { cwd: project.folder });
  assert.match(stdout, /^shop-no-such-package==9\.9$/m);
});
