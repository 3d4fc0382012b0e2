import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { TestContext } from 'node:test';
import ssh2 from 'ssh2';
import type { Host, HostSsh } from '../../src/core/inventory.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { ConnectError } from '../../src/fleet/ports.ts';
import { openSsh } from '../../src/fleet/ssh.ts';
import { environment, freePort, kill, makeKey, startSshd } from './sshd.ts';
import type { Sshd } from './sshd.ts';

let sshd: Sshd;
/** Another key than any host has or lets in. */
let other: string;
before(async () => {
  sshd = await startSshd();
  other = join(sshd.folder, 'other');
  makeKey(other);
});
after(() => sshd.stop());

async function runTrue(
  hosts: Host[],
  options: { agent?: string | false; environment?: typeof environment } = {},
): Promise<Outcome[]> {
  const remote = openSsh(hosts, { concurrency: 20, environment, agent: false, ...options });
  try {
    return await Promise.all(
      hosts.map(({ name }) => remote.run({ host: name, name: 'try', text: 'echo ran', args: [], deadline: 5000 })),
    );
  } finally {
    await remote.close();
  }
}

const ran: Outcome = { kind: 'exited', code: 0, stdout: 'ran\n', stderr: '' };

async function refusal(host: Host, options: Parameters<typeof runTrue>[1] = {}): Promise<ConnectError> {
  const error: unknown = await runTrue([host], options).then(
    () => assert.fail('it ran'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ConnectError, String(error));
  assert.equal(error.host, host.name);
  return error;
}

const known = (text: string): string => {
  const file = join(sshd.folder, `known-${Math.random()}`);
  writeFileSync(file, text);
  return file;
};
const impatient = (port: number): Host => sshd.host('web1', { port, connect_timeout: 400 });
const publicKey = (path: string): string => readFileSync(`${path}.pub`, 'utf8').trim();
const printOf = (path: string): string => spawnSync('ssh-keygen', ['-lf', path]).stdout.toString().split(' ')[1] ?? '';

/** A TCP server on a free port, for as long as the test lasts. */
async function serve(t: TestContext, onSocket: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer(onSocket).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

test('an unknown host key is refused with its fingerprint and what to do', async () => {
  const file = known('');
  const error = await refusal(sshd.host('web1', { known_hosts: file }));
  assert.equal(error.reason, 'host key');
  assert.ok(error.message.includes(`ssh-ed25519 ${printOf(sshd.hostKey)}`), error.message);
  assert.ok(error.remedy.includes(`ssh-keyscan -p ${sshd.port} 127.0.0.1 >> ${file}`), error.remedy);
});

test('a changed host key is refused with both fingerprints', async () => {
  const file = known(`[127.0.0.1]:${sshd.port} ${publicKey(other)}\n`);
  const error = await refusal(sshd.host('web1', { known_hosts: file }));
  assert.equal(error.reason, 'host key');
  assert.ok(error.message.includes(printOf(sshd.hostKey)) && error.message.includes(printOf(other)), error.message);
  assert.ok(error.message.includes(`${file}:1`), error.message);
  assert.ok(error.remedy.includes(`ssh-keygen -R '[127.0.0.1]:${sshd.port}' -f ${file}`), error.remedy);
});

test('a hashed known_hosts will do, and so will what ssh-keyscan prints', async () => {
  const file = known(readFileSync(sshd.knownHosts, 'utf8'));
  spawnSync('ssh-keygen', ['-q', '-H', '-f', file]);
  assert.match(readFileSync(file, 'utf8'), /^\|1\|/);
  assert.deepEqual(await runTrue([sshd.host('web1', { known_hosts: file })]), [ran]);
  const scanned = known(spawnSync('ssh-keyscan', ['-p', String(sshd.port), '127.0.0.1']).stdout.toString());
  assert.deepEqual(await runTrue([sshd.host('web1', { known_hosts: scanned })]), [ran]);
});

test('a host with several keys is asked for the one that is listed', async (t) => {
  const own = await startSshd((folder) => {
    spawnSync('ssh-keygen', ['-q', '-t', 'rsa', '-b', '2048', '-N', '', '-f', join(folder, 'rsa')]);
    return [`HostKey ${folder}/rsa`];
  });
  t.after(() => own.stop());
  const file = join(own.folder, 'rsa_known');
  writeFileSync(file, `[127.0.0.1]:${own.port} ${publicKey(join(own.folder, 'rsa'))}\n`);
  assert.deepEqual(await runTrue([own.host('web1', { known_hosts: file })]), [ran]);
});

test('a refused login names the user and the keys tried', async () => {
  const error = await refusal(sshd.host('web1', { identity_file: other }));
  assert.equal(error.reason, 'login');
  assert.match(error.message, /web1 \(127\.0\.0\.1 port \d+\) refused \S+ with .*\/other: Permission denied/);
  assert.match(error.remedy, /authorized_keys/);
  const absent = await refusal(sshd.host('web1', { identity_file: '/nonexistent/key' }));
  assert.match(absent.message, /with no key at all/);
  assert.match(absent.remedy, /^\/nonexistent\/key is not there/);
});

test('a key with a passphrase is used through ssh-agent, and the remedy says so', async () => {
  const locked = join(sshd.folder, 'locked');
  makeKey(locked, 'secret');
  writeFileSync(join(sshd.folder, 'authorized_keys'), `${publicKey(sshd.userKey)}\n${publicKey(locked)}\n`);
  const host = sshd.host('web1', { identity_file: locked });
  const error = await refusal(host);
  assert.equal(error.reason, 'login');
  assert.match(error.remedy, /\/locked has a passphrase.*ssh-add .*\/locked/);

  const agent = join(sshd.folder, 'agent');
  const daemon = spawn('ssh-agent', ['-D', '-a', agent], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    await once(daemon.stdout, 'data');
    const withAgent = { ...process.env, SSH_AUTH_SOCK: agent };
    // Seven keys that sshd does not know come first: it would hang up before the eighth.
    for (let i = 0; i < 7; i += 1) {
      makeKey(join(sshd.folder, `filler${i}`));
      spawnSync('ssh-add', ['-q', join(sshd.folder, `filler${i}`)], { env: withAgent });
    }
    const tooMany = await refusal(sshd.host('web1', { identity_file: other }), { agent });
    assert.match(tooMany.message, /Too many authentication failures/);
    const askpass = join(sshd.folder, 'askpass');
    writeFileSync(askpass, '#!/bin/sh\necho secret\n', { mode: 0o755 });
    const added = spawnSync('ssh-add', ['-q', locked], {
      env: { ...withAgent, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force', DISPLAY: ':0' },
    });
    assert.equal(added.status, 0, added.stderr.toString());
    assert.deepEqual(await runTrue([host], { agent }), [ran]);
  } finally {
    daemon.kill();
  }
  const gone = await refusal(host, { agent: '/nonexistent/agent' });
  assert.equal(gone.reason, 'login');
});

test("OpenSSH's usual files are tried where none is named", async () => {
  const { ssh, ...host } = sshd.host('web1');
  const { identity_file: _, ...rest } = ssh;
  const files = new Map([['/home/me/.ssh/id_ed25519', readFileSync(sshd.userKey, 'utf8')]]);
  const mine = {
    ...environment,
    home: '/home/me',
    readFile: (path: string) => files.get(path) ?? environment.readFile(path),
  };
  assert.deepEqual(await runTrue([{ ...host, ssh: rest }], { environment: mine }), [ran]);
});

test('a host that is not there is told from one that is silent', async (t) => {
  const refused = await refusal(impatient(await freePort()));
  assert.equal(refused.reason, 'unreachable');
  assert.match(refused.message, /refused the connection/);
  const silent = await refusal(impatient(await serve(t, () => {})));
  assert.equal(silent.reason, 'timed out');
  assert.match(silent.message, /within 0\.4 s while agreeing on keys/);
  const web = await refusal(impatient(await serve(t, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))));
  assert.ok(['configuration', 'unreachable'].includes(web.reason));
});

test('connecting is repeated where sshd resets it, and only then', async (t) => {
  let attempts = 0;
  // Each second connection is cut before a word is said, as MaxStartups does.
  const port = await serve(t, (socket) => {
    attempts += 1;
    if (attempts % 2 === 1) {
      socket.resetAndDestroy();
      return;
    }
    const to = connect(sshd.port, '127.0.0.1');
    socket.pipe(to).pipe(socket);
    to.on('error', () => {});
    socket.on('error', () => {});
  });
  const file = known(`[127.0.0.1]:${port} ${publicKey(sshd.hostKey)}\n`);
  assert.deepEqual(await runTrue([sshd.host('web1', { port, known_hosts: file })]), [ran]);
  assert.equal(attempts, 2);

  const rude = await serve(t, (socket) => socket.end('Exceeded MaxStartups\r\n'));
  const error = await refusal(sshd.host('web1', { port: rude, connect_timeout: 500 }));
  assert.equal(error.reason, 'unreachable');
  assert.match(error.message, /closed the connection before the login, [23] times/);
  assert.match(error.remedy, /MaxStartups/);
});

test('many hosts behind one sshd with few starts allowed all get in', async (t) => {
  const own = await startSshd(() => ['MaxStartups 2:100:2']);
  t.after(() => own.stop());
  const hosts = Array.from({ length: 10 }, (_, i) => own.host(`web${i}`, { connect_timeout: 10_000 }));
  assert.deepEqual(
    await runTrue(hosts),
    hosts.map(() => ran),
  );
});

test('a jump host is passed through, its key checked, its connection shared', async (t) => {
  const bastion = await startSshd();
  t.after(() => bastion.stop());
  const its = `[localhost]:${bastion.port} ${publicKey(bastion.hostKey)}\n`;
  const both = known(its + readFileSync(sshd.knownHosts, 'utf8'));
  writeFileSync(join(bastion.folder, 'authorized_keys'), publicKey(sshd.userKey));
  const via = (ssh: Partial<HostSsh> = {}) => ({ known_hosts: both, jump: `localhost:${bastion.port}`, ...ssh });
  const remote = openSsh([sshd.host('web1', via()), sshd.host('web2', via())], {
    concurrency: 1,
    environment,
    agent: false,
  });
  t.after(() => remote.close());
  const call = { name: 'try', text: 'echo ran', args: [], deadline: 5000 };
  const outcomes = await Promise.all([remote.run({ ...call, host: 'web1' }), remote.run({ ...call, host: 'web2' })]);
  assert.deepEqual(outcomes, [ran, ran]);
  assert.equal(bastion.sessions().length, 1);
  assert.equal(sshd.sessions().length, 2);

  const running = remote.run({ ...call, host: 'web1', text: 'exec sleep 3' });
  await remote.run({ ...call, host: 'web1' });
  for (const pid of bastion.sessions()) kill(pid);
  assert.equal((await running).kind, 'lost');
  assert.deepEqual(await remote.run({ ...call, host: 'web1' }), ran);
  await remote.close();

  const unknown = await refusal(sshd.host('web1', via({ known_hosts: sshd.knownHosts })));
  assert.equal(unknown.reason, 'host key');
  assert.ok(unknown.message.includes(`the jump host localhost port ${bastion.port}`), unknown.message);
  const behind = await refusal(sshd.host('web1', via({ known_hosts: known(its) })));
  assert.match(behind.message, /^web1 \(/);
  const nowhere = await refusal(sshd.host('web1', via({ port: await freePort() })));
  assert.equal(nowhere.reason, 'unreachable');
  assert.match(nowhere.message, /Connection refused/);
});

test('a status without the whole output is no end', async (t) => {
  // What OpenSSH can't be made to do at will: the exit status goes out before the output, and the link is cut between.
  const server = new ssh2.Server({ hostKeys: [readFileSync(sshd.hostKey)] }, (client) => {
    client.on('error', () => {});
    client.on('authentication', (context) => context.accept());
    client.on('session', (accept) =>
      accept().on('exec', (take, _refuse, { command }) => {
        const channel = take();
        const marker = /printf .*? ([0-9a-f]+) ([0-9a-f]+);/.exec(command)?.slice(1).join('') ?? '';
        channel.write(`${marker}\nbegin`);
        channel.exit(0);
        setTimeout(() => client.end(), 50);
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const { port } = address;
  const file = known(`[127.0.0.1]:${port} ${publicKey(sshd.hostKey)}\n`);
  const [outcome] = await runTrue([sshd.host('web1', { port, known_hosts: file })]);
  assert.equal(outcome?.kind, 'lost');
  assert.equal(outcome.stdout, 'begin');
});
