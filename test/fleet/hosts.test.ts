import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { raiseFleet, type Fleet } from './fleet.ts';
import { run, until } from './hosts/shell.ts';
import { STATES } from './hosts/state.ts';

const FLEET = join(import.meta.dirname, 'fleet.ts');

/** What a command that must succeed prints, by ssh. */
const said = async (fleet: Fleet, host: string, command: string): Promise<string> => {
  const ran = await fleet.ssh(host, command);
  assert.equal(ran.code, 0, ran.stderr);
  return ran.stdout.trim();
};
const page = async (fleet: Fleet, path: string): Promise<number> =>
  (await fetch(`http://${fleet.addressOf('lb1')}${path}`, { redirect: 'manual', signal: AbortSignal.timeout(1000) }))
    .status;

const answers = (fleet: Fleet): Promise<boolean> =>
  page(fleet, '/').then(
    (status) => status === 502,
    () => false,
  );

describe('hosts out of namespaces', () => {
  let managed: Fleet;
  let fixed: Fleet;

  before(async () => {
    const small = { balancers: 1, backends: 2 };
    [managed, fixed] = await Promise.all([
      raiseFleet({ name: 'hosts-managed', ...small, database: false, slowSsh: true }),
      raiseFleet({
        name: 'hosts-fixed',
        ...small,
        configuration: 'fixed',
        both: true,
        tls: true,
        umask: '077',
        port: 9000,
      }),
    ]);
  });
  after(() => Promise.all([managed?.lower(), fixed?.lower()]));

  test('the operator logs in by key; each host has its own name, boot, processes and files, and sees none of the machine’s', async () => {
    for (const { name } of managed.hosts)
      assert.equal(await said(managed, name, 'hostname; id -nG'), `${name}\ndeploy adm`);
    const stranger = await run(
      'ssh',
      [
        '-F',
        'none',
        '-o',
        'BatchMode=yes',
        '-o',
        'StrictHostKeyChecking=no',
        '-o',
        'UserKnownHostsFile=/dev/null',
      ].concat(['-i', fixed.key, '-o', 'IdentitiesOnly=yes', `deploy@${managed.addressOf('web1')}`, 'true']),
    );
    assert.equal(stranger.code, 255);
    const seen = await said(
      managed,
      'web1',
      'ls -d /proc/[0-9]* | wc -l; cut -d. -f1 /proc/uptime; cat /proc/sys/kernel/random/boot_id; ls /home /srv/www',
    );
    const [processes, uptime, boot, ...folders] = seen.split('\n');
    assert.ok(Number(processes) < 20 && Number(uptime) < 60, seen);
    assert.notEqual(boot, readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
    assert.deepEqual(folders.filter(Boolean), ['/home:', 'deploy', '/srv/www:', 'shop']);
    assert.equal((await managed.ssh('web1', `ls ${join(import.meta.dirname, '..', '..')}`)).code, 2);
  });

  test('managed: the user writes the configuration, tests and reloads it, and nothing beyond', async () => {
    await said(managed, 'lb1', 'touch /etc/nginx/orchestrate/shop.conf && sudo -n nginx -t && sudo -n nginx -s reload');
    for (const more of [
      'sudo -n nginx -s stop',
      'sudo -n nginx -t -c /tmp/x',
      'sudo -n id',
      'touch /etc/nginx/nginx.conf',
    ])
      assert.notEqual((await managed.ssh('lb1', more)).code, 0, more);
    assert.notEqual((await managed.ssh('web1', 'sudo -n nginx -t')).code, 0);
  });

  test('fixed: the user has the routing and the static folder, and no sudo at all', async () => {
    await said(
      fixed,
      'lb1',
      'touch /var/lib/orchestrate/shop/x /srv/www/shop-static/x && rm /var/lib/orchestrate/shop/x',
    );
    assert.equal(await said(fixed, 'lb1', 'umask'), '0077');
    assert.match(await said(fixed, 'lb1', 'cat /etc/nginx/orchestrate/shop.conf'), /upstream shop-out-web1/);
    for (const more of [
      'sudo -n nginx -t',
      'sudo -n nginx -s reload',
      'sudo -n id',
      'touch /etc/nginx/orchestrate/shop.conf',
    ])
      assert.notEqual((await fixed.ssh('lb1', more)).code, 0, more);
  });

  test('before a release Nginx answers 502, and the user can read the log of it', async () => {
    assert.equal(await page(managed, '/before'), 502);
    assert.match(
      await said(managed, 'lb1', 'tail -n 1 /var/log/nginx/shop.json'),
      /"group":"shop-all".*"uri":"\/before"/,
    );
    await managed.rotateLogs('lb1');
    await until('the new log is written', 10_000, async () => {
      await page(managed, '/rotated');
      return (await said(managed, 'lb1', 'cat /var/log/nginx/shop.json')).includes('/rotated');
    });
    assert.equal(await page(fixed, '/'), 301);
    assert.deepEqual(fixed.targets, [`${fixed.addressOf('lb1')}:443`]);
  });

  test('each backend has its wrapper, as the ssh user, and the application’s environment', async () => {
    for (const [fleet, host, port] of [
      [managed, 'web2', 8000],
      [fixed, 'lb1', 9000],
    ] as const) {
      await until(
        'the wrapper runs',
        5000,
        async () => (await fleet.ssh(host, `kill -0 $(cat /run/shop/${port}.slot)`)).code === 0,
      );
      assert.match(await fleet.sh(host, 'supervisorctl -c /etc/supervisor/supervisord.conf status'), /^shop +RUNNING/);
    }
    const login = 'set -a; . /srv/www/shop/shared/env; psql -Atc "SELECT current_user, current_database()"';
    assert.equal(await said(fixed, 'web1', login), 'shop|shop');
  });

  test('pip installs what test/setup.sh has packed', async () => {
    const install = 'python3 -m pip install --quiet --target lib --no-compile -r /dev/stdin 2>&1';
    const ran = await managed.ssh('web1', install, 'Django>=3.2\ngunicorn\npsycopg2\n');
    assert.equal(ran.code, 0, ran.stdout);
    const imports =
      'cd lib && python3 -c "import django, gunicorn, psycopg2; print(django.__file__, psycopg2.__file__)"';
    assert.equal((await said(managed, 'web1', imports)).match(/\/home\/deploy\/lib\//g)?.length, 2);
  });

  test('what comes in by ssh has its own share of the processors, where the machine has such', async () => {
    if (!existsSync('/sys/fs/cgroup/cpu/cpu.shares')) return;
    assert.match(await said(managed, 'web1', 'cat /proc/self/cgroup'), /^\d+:cpu:\/orchestrate-hosts-managed$/m);
    assert.doesNotMatch(await managed.sh('web1', 'cat /proc/1/cgroup'), /orchestrate-hosts-managed/);
  });

  test('a cut cable is silence until it is healed', async () => {
    await managed.cut('lb1');
    await assert.rejects(page(managed, '/'), { name: 'TimeoutError' });
    await managed.heal('lb1');
    await until('lb1 answers', 10_000, () => answers(managed));
  });

  test('a power cut ends everything, tells nobody, and spares the disk', async (t) => {
    const facts = 'cat kept /proc/sys/kernel/random/boot_id';
    await said(managed, 'lb1', 'echo here >kept');
    const earlier = await said(managed, 'lb1', facts);
    const socket = connect(22, managed.addressOf('lb1'));
    t.after(() => socket.destroy());
    await once(socket, 'data');
    let told = false;
    socket.on('error', () => (told = true)).on('end', () => (told = true));
    await managed.powerCut('lb1');
    await assert.rejects(page(managed, '/'));
    assert.throws(() => managed.exec('lb1', 'true'), /lb1 is off/);
    await managed.powerOn('lb1');
    const now = await said(managed, 'lb1', facts);
    assert.equal(now.split('\n')[0], 'here');
    assert.notEqual(now, earlier);
    assert.ok(Number((await said(managed, 'lb1', 'cat /proc/uptime')).split(' ')[0]) < 20);
    assert.equal(told, false);
    socket.write('is somebody there?');
    await until('the new boot resets what it does not know', 10_000, () => told);
    await until('Nginx answers', 10_000, () => answers(managed));
  });

  test('a name that is in use is refused; what an interrupted run leaves is taken down, and nothing stays', async () => {
    const name = 'hosts-left';
    let prefix = '';
    const text = `import { raiseFleet } from ${JSON.stringify(FLEET)}; await raiseFleet({ name: '${name}', balancers: 1, backends: 1 }); console.log('up'); setInterval(() => {}, 1e6);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', text], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const first = await new Promise((resolve) =>
        child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString())),
      );
      assert.equal(first, 'up\n');
      prefix = prefixOf(name);
      assert.equal(traces(name, prefix).length > 5, true, traces(name, prefix).join('\n'));
      await assert.rejects(raiseFleet({ name, balancers: 1, backends: 1 }), /is up, of process/);
    } finally {
      child.kill('SIGKILL');
    }
    await until('it is gone', 2000, () => child.signalCode !== null);
    const down = await run(process.execPath, [FLEET, 'down', name]);
    assert.deepEqual([down.code, down.stderr], [0, '']);
    assert.deepEqual(traces(name, prefix), []);
  });
});

/** What the names of a fleet's interfaces and namespaces begin with. */
function prefixOf(name: string): string {
  const nets = readdirSync(STATES).filter((each) => each.startsWith('net-'));
  return `o${nets.find((each) => readlinkSync(join(STATES, each)) === name)?.slice('net-'.length)}`;
}

/** What there is of a fleet on this machine: processes, interfaces, namespaces, mounts, files. */
function traces(name: string, prefix: string): string[] {
  const folder = join(STATES, name);
  const processes = readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${folder}/`);
    } catch {
      return false;
    }
  });
  return [
    ...processes,
    ...readdirSync('/sys/class/net').filter((each) => new RegExp(`^${prefix}[a-z]`).test(each)),
    ...(existsSync('/run/netns') ? readdirSync('/run/netns').filter((each) => each.startsWith(`${prefix}-`)) : []),
    ...readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .filter((line) => line.includes(`${folder}/`)),
    ...readdirSync(STATES).filter((each) => each === name || each === `net-${prefix.slice(1)}`),
  ];
}
