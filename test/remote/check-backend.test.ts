import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseBackendFacts, type BackendFacts } from '../../src/core/backend-facts.ts';
import type { Check } from '../../src/core/checks.ts';
import { backendChecks } from '../../src/core/checks/backend.ts';
import { readLines } from '../../src/core/checks/lines.ts';
import { serviceChecks } from '../../src/core/checks/service.ts';
import type { Backend, Inventory } from '../../src/core/inventory.ts';
import { formatRelease } from '../../src/core/release.ts';
import { supervisorConfiguration } from '../../src/core/service.ts';
import { inventoryOf } from '../core/inventory/world.ts';
import { asOperator, give, NAME, startAsOperator, take } from './plain-user.ts';
import { freePort, template, until } from './stand.ts';

const RELEASE = '20261123-0214-1a2b3c4';
const KEY = '0123456789abcdef';
const PYTHON = '/usr/bin/python3';
const folder = mkdtempSync(join(tmpdir(), 'check-'));
const [root, run, programs, wrapper] = ['root', 'run', 'programs', 'run-slot.sh'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
  string,
];
const env = join(root, 'shared', 'env');
let inventory: Inventory;
let backend: Backend;
let port = 0;
let slot: ChildProcess | undefined;

const RUNNER = createHash('sha256').update(template('run-slot.sh')).digest('hex');

before(async () => {
  port = await freePort();
  inventory = inventoryOf({
    backends: '{ web1: { address: 127.0.0.1 } }',
    ssh: `{ user: ${NAME} }`,
    service: `{ name: shop, slots: [${port}], command: 'python3 -m http.server' }`,
    release: `{ root: ${root} }`,
    build: `{ static: { publish: { to: backends, path: ${root}/static } } }`,
  });
  backend = inventory.backends[0]!;
  chmodSync(folder, 0o755);
  for (const path of [
    join(root, RELEASE, 'repository'),
    join(root, 'virtualenvs', KEY, 'bin'),
    join(root, 'shared'),
    join(root, 'slots'),
    run,
    programs,
  ])
    mkdirSync(path, { recursive: true });
  writeFileSync(join(root, 'virtualenvs', KEY, 'complete'), '1\n');
  symlinkSync(`../virtualenvs/${KEY}`, join(root, RELEASE, 'virtualenv'));
  const at = '2026-11-23T02:14:00Z';
  writeFileSync(
    join(root, RELEASE, 'release.json'),
    formatRelease({
      version: 1,
      release: RELEASE,
      commit: '1a2b3c4'.padEnd(40, '0'),
      ref: 'main',
      subject: 's',
      author: 'a',
      committed: at,
      built: at,
      virtualenv: KEY,
    }),
  );
  symlinkSync(RELEASE, join(root, 'current'));
  symlinkSync('../current', join(root, 'slots', String(port)));
  writeFileSync(env, 'A=1\n', { mode: 0o600 });
  copyFileSync(new URL('../../templates/run-slot.sh', import.meta.url), wrapper);
  chmodSync(wrapper, 0o755);
  writeFileSync(
    join(programs, 'shop.conf'),
    supervisorConfiguration(inventory, backend, template('supervisor.conf.hbs')),
  );
  give(root);
  give(run);
  await start('sh -c \'echo $$ >"$PID_FILE"; exec ' + PYTHON + ' -m http.server "$PORT" --bind 127.0.0.1\'');
});
after(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true });
});

async function start(command: string): Promise<void> {
  slot = startAsOperator(wrapper, [root, 'repository', 'virtualenv', env, run, String(port), command]);
  await until(() => existsSync(join(run, `${port}.pid`)));
  await until(async () => (await observed()).slots[0]?.listening === true);
}

async function stop(): Promise<void> {
  if (slot === undefined || slot.exitCode !== null) return;
  slot.kill('SIGTERM');
  await once(slot, 'exit');
}

async function observed(with_ = inventory): Promise<BackendFacts> {
  const pid = with_.service.wrapper ? '-' : with_.service.pid_file;
  const facts = parseBackendFacts(
    await asOperator('observe-backend', [root, run, pid, with_.build.python, String(port)]),
  );
  if ('problem' in facts) throw new Error(facts.problem);
  return facts;
}

async function checks(with_ = inventory): Promise<Check[]> {
  const facts = await observed(with_);
  const { service, build } = with_;
  const pid = service.wrapper ? '-' : service.pid_file;
  const args = [
    root,
    run,
    pid,
    build.python,
    env,
    build.static.publish.path,
    service.name,
    programs,
    wrapper,
    '-',
    String(port),
  ];
  const lines = readLines(await asOperator('check-backend', args));
  return [...backendChecks(with_, backend, facts, null, lines), ...serviceChecks(with_, backend, facts, lines, RUNNER)];
}

async function without(
  takeAway: () => void,
  wanted: readonly RegExp[],
  giveBack: () => void,
  with_?: Inventory,
): Promise<void> {
  takeAway();
  try {
    const found = (await checks(with_)).flatMap(({ verdict, says, mend }) =>
      verdict === 'missing' ? [`${says} | ${mend ?? ''}`] : [],
    );
    assert.equal(found.length, wanted.length, found.join('\n'));
    for (const [at, pattern] of wanted.entries()) assert.match(found[at] ?? '', pattern);
  } finally {
    giveBack();
  }
}

test('where all is there nothing is missing', async () => {
  const found = await checks();
  assert.deepEqual(
    found.filter(({ verdict, says }) => verdict !== 'ok' && !says.includes('anew when this host boots')),
    [],
  );
  const said = found.map(({ says }) => says).join('\n');
  for (const each of [
    /root is \w+'s/,
    /free at .*; the present release takes \d+ MB/,
    /Python [\d.]+ makes virtual environments here/,
    /shared\/env can be read/,
    /static can be made for static files/,
    new RegExp(`the wrapper of port ${port} runs as ${NAME}`),
    new RegExp(`${RELEASE} runs on port ${port} as ${NAME}`),
    /shop\.conf starts it again, always/,
  ])
    assert.match(said, each);
});

test(
  'each right and path that is taken away is named, with the line that mends it',
  { skip: process.getuid?.() !== 0 },
  async () => {
    await without(
      () => take(root),
      [new RegExp(`can't write in ${root} \\| as root: install -d -m 755 -o ${NAME} ${root}$`), /static/],
      () => give(root),
    );
    await without(
      () => take(join(root, 'virtualenvs')),
      [new RegExp(`virtualenvs belongs to root, not to ${NAME} \\| as root: chown -h ${NAME} `)],
      () => give(root),
    );
    await without(
      () => chmodSync(run, 0o555),
      [new RegExp(`can't write in /run/shop \\| as root: install -d -o ${NAME} /run/shop$`)],
      () => chmodSync(run, 0o755),
    );
    await without(
      () => take(env),
      [new RegExp(`can't read ${env} \\(root's, mode 600\\) \\| as root: chown ${NAME} ${env} && chmod 600 ${env}$`)],
      () => give(env),
    );
  },
);

test('the environment file, Python, the wrapper, the program', async () => {
  await without(
    () => writeFileSync(env, 'A=1\n# b\n\nexport B=2\nC D\n'),
    [/env: line 4, 5 is not KEY=value/],
    () => writeFileSync(env, 'A=1\n'),
  );
  chmodSync(env, 0o644);
  assert.match(
    (await checks()).map(({ says }) => says).join('\n'),
    /everybody on this host can read .*env \(mode 644\)/,
  );
  chmodSync(env, 0o600);
  const none: Inventory = { ...inventory, build: { ...inventory.build, python: '/nonexistent/python3' } };
  await without(
    () => {},
    [/\/nonexistent\/python3 is not there, or does not run \| as root: apt-get install python3/],
    () => {},
    none,
  );
  await without(
    () => chmodSync(wrapper, 0o644),
    [
      /there is no .*run-slot\.sh \| here: orchestrate init --print run-slot \| ssh root@127\.0\.0\.1 'install -D -m 755 \/dev\/stdin /,
    ],
    () => chmodSync(wrapper, 0o755),
  );
  const program = join(programs, 'shop.conf');
  const text = readFileSync(program, 'utf8');
  await without(
    () =>
      writeFileSync(
        program,
        text
          .replace(/^user=.*$/m, 'user=www-data')
          .replace(/^autorestart=.*\n/m, '')
          .replace(/^startsecs=.*$/m, 'startsecs=1 ; as ever'),
      ),
    [
      /runs it as www-data, not as /,
      /has autorestart=unexpected \(its default\).*there: autorestart=true/,
      /has startsecs=1: what ends early/,
    ],
    () => writeFileSync(program, text),
  );
  const builder = await observed();
  const web2: Backend = { ...backend, name: 'web2' };
  const other = backendChecks(
    inventory,
    web2,
    builder,
    { ...builder, python: '3.9.1' },
    readLines('temporary writable\nenv readable 600 x\nstatic writable\n'),
  );
  assert.match(
    other.find(({ verdict }) => verdict === 'missing')?.says ?? '',
    /it has Python .* the builder web1 3\.9\.1 on .*: what is built there would not run here/,
  );
});

test('the process: none, another one on the port, only on another address, through the link current', async () => {
  const slotFile = join(run, `${port}.slot`);
  const pidFile = join(run, `${port}.pid`);
  const [wrapperId, id] = [readFileSync(slotFile, 'utf8'), readFileSync(pidFile, 'utf8')];
  await without(
    () => rmSync(slotFile),
    [
      new RegExp(
        `no wrapper runs for port ${port} .* \\| here: orchestrate init --print supervisor --on web1 \\| ssh root@127\\.0\\.0\\.1`,
      ),
    ],
    () => {
      writeFileSync(slotFile, wrapperId);
      give(run);
    },
  );
  await without(
    () => rmSync(pidFile),
    [new RegExp(`something listens on port ${port} that no pid file names`)],
    () => {
      writeFileSync(pidFile, id);
      give(run);
    },
  );
  const away: Backend = { ...backend, address: '10.0.0.11' };
  const facts = await observed();
  const lines = readLines(
    await asOperator('check-backend', [root, run, '-', '-', env, '-', 'shop', programs, wrapper, '-', String(port)]),
  );
  const far = serviceChecks(inventory, away, facts, lines, RUNNER).filter(({ verdict }) => verdict === 'missing');
  assert.deepEqual(
    far.map(({ says, mend }) => [says, mend]),
    [
      [
        `the application listens on 127.0.0.1:${port}, and Nginx sends to 10.0.0.11:${port}`,
        'service.command: --bind 0.0.0.0:$PORT',
      ],
    ],
  );
  // The site's own program, without a pid file, then with a stale one, then one that is started through `current`.
  const own: Inventory = {
    ...inventory,
    service: { ...inventory.service, wrapper: false, pid_file: join(run, 'own.pid') },
  };
  await without(
    () => {},
    [/there is no pid file .*own\.pid \| start the program once/, /something listens/],
    () => {},
    own,
  );
  await without(
    () => writeFileSync(join(run, 'own.pid'), '999999999\n'),
    [/own\.pid names no process/, /something listens/],
    () => rmSync(join(run, 'own.pid')),
    own,
  );
  await stop();
  await start(
    `sh -c 'echo $$ >"$PID_FILE"; exec ${PYTHON} -m http.server "$PORT" --bind 127.0.0.1 --directory ${root}/current/repository'`,
  );
  await without(
    () => writeFileSync(join(run, 'own.pid'), readFileSync(pidFile)),
    [
      new RegExp(
        `the application on port ${port} imports its code by way of the link .current. \\(.*current.*\\| its command: cd -P ${root}/current/repository && exec`,
      ),
    ],
    () => rmSync(join(run, 'own.pid')),
    own,
  );
});

test('a host before its first roll: nothing of the service is missing yet', async () => {
  const own: Inventory = { ...inventory, service: { ...inventory.service, wrapper: false } };
  const facts = { ...(await observed()), current: null, slots: [] };
  const found = serviceChecks(own, backend, facts, readLines(''), RUNNER);
  assert.deepEqual(
    found.map(({ verdict, says }) => `${verdict}: ${says}`),
    [`note: nothing runs on port ${port} yet: shop starts once the first roll has made ${root}/current`],
  );
});
