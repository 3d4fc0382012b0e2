import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Outcome } from '../../src/core/outcome.ts';
import { ConnectError } from '../../src/fleet/ports.ts';
import type { Remote, RemoteCall } from '../../src/fleet/ports.ts';
import { openSsh } from '../../src/fleet/ssh.ts';
import { environment, kill, startSshd } from './sshd.ts';
import type { Sshd } from './sshd.ts';

/** A start-up file as noisy as they come: it prints each command before it runs, on the command's own streams. */
const NOISE = 'echo "Welcome to $(hostname)"; echo careful >&2; printf "no end of line"; set -x\n';

let sshd: Sshd;
let remote: Remote;
before(async () => {
  sshd = await startSshd();
  remote = openSsh([sshd.host('web1')], { concurrency: 4, environment, agent: false });
});
after(async () => {
  await remote.close();
  await sshd.stop();
});

const run = (text: string, call: Partial<RemoteCall> = {}): Promise<Outcome> =>
  remote.run({ host: 'web1', name: 'try', text, args: [], deadline: 10_000, ...call });
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const reason = (outcome: Outcome): string => (outcome.kind === 'lost' ? outcome.reason : `not lost: ${outcome.kind}`);
const exited = (code: number, stdout = '', stderr = ''): Outcome => ({ kind: 'exited', code, stdout, stderr });

const noisy = (folder: string): string[] => {
  writeFileSync(join(folder, 'noise'), NOISE);
  return [`SetEnv SHLVL=1 BASH_ENV=${folder}/noise`];
};

function* zeros(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(65_536);
}

/** A sshd of its own with one host on it, for as long as the function runs. */
async function using(
  settings: (folder: string) => readonly string[],
  act: (remote: Remote, sshd: Sshd) => Promise<void>,
): Promise<void> {
  const own = await startSshd(settings);
  const to = openSsh([own.host('web1', { keepalive: 150 })], { concurrency: 4, environment, agent: false });
  try {
    await act(to, own);
  } finally {
    await to.close();
    await own.stop();
  }
}

test('a script gets its name and its arguments, and tells its end', async () => {
  const args = ['a b', "it's", '$HOME', '', '-n'];
  const text = '# comment first\nset -eu\nprintf "%s|" "$0" "$@"; echo oops >&2; exit 3';
  assert.deepEqual(await run(text, { args }), exited(3, "try|a b|it's|$HOME||-n|", 'oops\n'));
});

test('standard input is closed where there is none, and handed over where there is', async () => {
  assert.deepEqual(await run('cat'), exited(0));
  assert.deepEqual(await run('cat', { input: 'sécret' }), exited(0, 'sécret'));
  const bytes = randomBytes(300_000);
  assert.deepEqual(await run('sha256sum', { input: bytes }), exited(0, `${sha256(bytes)}  -\n`));
});

test('lines of standard error are told as they come, whole', async () => {
  const lines: string[] = [];
  const first = Promise.withResolvers<void>();
  const onLine = (line: string): void => {
    lines.push(line);
    first.resolve();
  };
  const ended = run('printf "one\\ntw" >&2; read -r go; printf "o\\nthree" >&2', {
    onLine,
    input: Readable.from(
      (async function* later() {
        await first.promise;
        yield 'go\n';
      })(),
    ),
  });
  assert.equal((await ended).stderr, 'one\ntwo\nthree');
  assert.deepEqual(lines, ['one', 'two', 'three']);
});

test('a signal is no success', async () => {
  assert.deepEqual(await run('echo so far; kill -9 $$'), {
    kind: 'signalled',
    signal: 'SIGKILL',
    stdout: 'so far\n',
    stderr: '',
  });
});

test('a deadline settles the call, and the connection serves on', async () => {
  const [session] = sshd.sessions();
  const outcome = await run('echo began; exec sleep 5', { deadline: 300 });
  assert.deepEqual(outcome, { kind: 'timed out', after: 300, stdout: 'began\n', stderr: '' });
  assert.deepEqual(await run('true'), exited(0));
  assert.deepEqual(sshd.sessions(), [session]);
});

test('a large output streams through at the pace of its reader, byte for byte', async () => {
  const size = 24 * 1024 * 1024;
  const hash = createHash('sha256');
  let got = 0;
  const output = new Writable({
    highWaterMark: 1024,
    write: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk);
      got += chunk.length;
      setImmediate(done);
    },
  });
  const text = `head -c ${size} /dev/urandom >"$1"; sha256sum <"$1" >&2; cat "$1"; rm "$1"`;
  const outcome = await run(text, { output, args: [join(sshd.folder, 'large')] });
  assert.equal(got, size);
  assert.deepEqual(outcome, exited(0, '', `${hash.digest('hex')}  -\n`));
});

test('a large input reaches the script whole', async () => {
  const chunks = Array.from({ length: 200 }, () => randomBytes(100_000));
  const outcome = await run('sha256sum', { input: Readable.from(chunks) });
  assert.deepEqual(outcome, exited(0, `${sha256(Buffer.concat(chunks))}  -\n`));
});

test('one host is the source of another, with nothing kept in between', async () => {
  const pass = new PassThrough();
  const [from, to] = await Promise.all([
    run('head -c 8000000 /dev/zero', { output: pass }),
    run('wc -c', { input: pass }),
  ]);
  assert.deepEqual([from, to], [exited(0), exited(0, '8000000\n')]);
});

test('where the source ends badly, so does its receiver', async () => {
  const pass = new PassThrough();
  const [from, to] = await Promise.all([
    run('head -c 100000 /dev/zero; exit 1', { output: pass }),
    run('cat >/dev/null', { input: pass }),
  ]);
  assert.deepEqual(from, exited(1));
  assert.match(reason(to), /its input broke off: try on web1 ended badly/);
  assert.deepEqual(await run('true'), exited(0));
});

// sshd signals nobody in a session of root's, and root alone can log in others: an ordinary user with a shell must be there.
const ordinary = /^postgres:.*:\/bin\/bash$/m.test(readFileSync('/etc/passwd', 'utf8')) && process.getuid?.() === 0;
test('a script whose input breaks off is stopped before it sees an end', { skip: !ordinary }, (t) =>
  using(
    (folder) => {
      chmodSync(folder, 0o755);
      return ['UsePAM yes'];
    },
    async (_to, own) => {
      chmodSync(join(own.folder, 'authorized_keys'), 0o644);
      const host = own.host('web1', { user: 'postgres' });
      const to = openSsh([host], { concurrency: 1, environment, agent: false });
      t.after(() => to.close());
      const input = new PassThrough();
      const file = `/tmp/orchestrate-whole-${own.port}`;
      t.after(() => rmSync(file, { force: true }));
      const lines = Promise.withResolvers<string>();
      // The shell would tell of cat's end on a stream that is closed by now, and die of that.
      const text =
        'trap "" PIPE; trap "echo trapped >>$1; exit 1" TERM; echo began >&2; cat >/dev/null; echo whole >>"$1"';
      const running = to.run({
        host: 'web1',
        name: 'put',
        text,
        args: [file],
        deadline: 5000,
        input,
        onLine: lines.resolve,
      });
      input.write('the beginning');
      await lines.promise;
      input.destroy(new Error('cut'));
      assert.match(reason(await running), /its input broke off: cut/);
      while (!existsSync(file)) await sleep(10);
      assert.equal(readFileSync(file, 'utf8'), 'trapped\n');
    },
  ),
);

test('a script that ends before it has read its input is no failure of the link', async () => {
  const endless = Readable.from(zeros());
  assert.deepEqual(await run('exit 78', { input: endless }), exited(78));
  assert.equal(endless.destroyed, true);
  assert.deepEqual(await run('exit 78', { input: Buffer.alloc(10_000_000) }), exited(78));
});

test('facts are whole or there are none', async () => {
  assert.equal((await run('head -c 16000000 /dev/zero')).stdout.length, 16_000_000);
  assert.match(reason(await run('head -c 17000000 /dev/zero')), /printed more than 16 MiB/);
  const { stderr } = await run('seq 100000 >&2');
  assert.equal(stderr.length, 64 * 1024);
  assert.ok(stderr.endsWith('99999\n100000\n'));
});

test('a receiver here that fails stops the command', async () => {
  const output = new Writable({ write: (_chunk, _encoding, done) => done(new Error('disk full')) });
  assert.match(reason(await run('exec yes', { output })), /its output could not be passed on: disk full/);
});

test('more commands than sshd allows at once wait for their turn', async () => {
  const all = await Promise.all(Array.from({ length: 30 }, (_, i) => run(`sleep 0.05; echo ${i}`)));
  assert.deepEqual(
    all,
    all.map((_, i) => exited(0, `${i}\n`)),
  );
  assert.equal(sshd.sessions().length, 1);
});

test('what is urgent does not wait for the end of the others, however many they are', async () => {
  const inputs = Array.from({ length: 12 }, () => new PassThrough());
  let ended = 0;
  const others = inputs.map((input) => run('cat', { input, deadline: 60_000 }).finally(() => (ended += 1)));
  assert.deepEqual(await run('echo now', { urgent: true, deadline: 60_000 }), exited(0, 'now\n'));
  assert.equal(ended, 0);
  for (const input of inputs) input.end();
  await Promise.all(others);
});

test('a host that allows fewer sessions gets fewer', () =>
  using(
    () => ['MaxSessions 2'],
    async (to) => {
      const call = { host: 'web1', name: 'try', text: 'sleep 0.05', args: [], deadline: 5000 };
      const all = await Promise.all(Array.from({ length: 8 }, () => to.run(call)));
      assert.deepEqual(
        all,
        all.map(() => exited(0)),
      );
      // Those past their deadline hold their sessions for as long as they run; a fresh connection has its own.
      const stuck = { ...call, text: 'exec sleep 3', deadline: 100 };
      await Promise.all([to.run(stuck), to.run(stuck)]);
      assert.deepEqual(await to.run(call), exited(0));
    },
  ));

test('what start-up files print is none of the output', async () => {
  await using(noisy, async (to) => {
    const call = { host: 'web1', name: 'try', args: ['\\0377'], deadline: 5000 };
    const said = await to.run({ ...call, text: 'echo "$0"; echo oops >&2; exit 3' });
    assert.deepEqual(said, exited(3, 'try\n', 'oops\n'));
    const chunks: Buffer[] = [];
    const output = new Writable({ write: (chunk: Buffer, _encoding, done) => (chunks.push(chunk), done()) });
    await to.run({ ...call, text: String.raw`printf '\377\000\nmore\n\n'`, output });
    assert.deepEqual(Buffer.concat(chunks), Buffer.from('\xff\0\nmore\n\n', 'latin1'));
  });
});

test('a login shell that does not run the script is told, and never a success', () =>
  using(
    () => ['ForceCommand echo This account is not for you'],
    async (to) => {
      await assert.rejects(
        to.run({ host: 'web1', name: 'observe', text: 'true', args: [], deadline: 5000 }),
        (error) => {
          assert.ok(error instanceof ConnectError);
          assert.equal(error.reason, 'configuration');
          assert.match(
            error.message,
            /web1 did not run observe: .* code 0 before it began, and said: This account is not/,
          );
          assert.match(error.remedy, /POSIX shell.*ForceCommand/);
          return true;
        },
      );
    },
  ));

test('a cut link settles the call as lost, and the next one has a new connection', () =>
  using(
    () => [],
    async (to, own) => {
      const call = { host: 'web1', name: 'try', args: [], deadline: 5000 };
      const lines = Promise.withResolvers<string>();
      const running = to.run({ ...call, text: 'echo began >&2; exec sleep 3', onLine: lines.resolve });
      assert.equal(await lines.promise, 'began');
      for (const pid of own.sessions()) kill(pid);
      const outcome = await running;
      assert.equal(outcome.kind, 'lost');
      assert.equal(outcome.stderr, 'began\n');
      assert.deepEqual(await to.run({ ...call, text: 'echo again' }), exited(0, 'again\n'));
    },
  ));

test('after disconnecting no connection is left, and the next call makes its own', () =>
  using(
    () => [],
    async (to, own) => {
      const call = { host: 'web1', name: 'try', args: [], deadline: 5000 };
      assert.deepEqual(await to.run({ ...call, text: 'echo once' }), exited(0, 'once\n'));
      const [first] = own.sessions();
      await to.disconnect();
      assert.deepEqual(await to.run({ ...call, text: 'echo again' }), exited(0, 'again\n'));
      assert.notEqual(own.sessions().at(-1), first);
    },
  ));

test('a silent host is lost after three signs of life without an answer', () =>
  using(
    () => [],
    async (to, own) => {
      const call = { host: 'web1', name: 'try', args: [], deadline: 10_000 };
      const began = Promise.withResolvers<string>();
      const running = to.run({ ...call, text: 'echo began >&2; exec sleep 3', onLine: began.resolve });
      await began.promise;
      const pids = own.sessions();
      for (const pid of pids) kill(pid, 'SIGSTOP');
      assert.match(reason(await running), /no answer to three signs of life/);
      for (const pid of pids) kill(pid);
    },
  ));

test('nobody waits after close', async (t) => {
  const own = await startSshd();
  t.after(() => own.stop());
  const to = openSsh([own.host('web1')], { concurrency: 1, environment, agent: false });
  const call = { host: 'web1', name: 'try', args: [], text: 'true', deadline: 5000 };
  await to.run(call);
  await to.close();
  await assert.rejects(to.run(call), /closed/);
});

test('a script too long for a command line is refused here', async () => {
  await assert.rejects(run(`: ${'x'.repeat(140_000)}`), RangeError);
  assert.deepEqual(await run(`: ${'x'.repeat(100_000)}; echo ran`), exited(0, 'ran\n'));
});

test('an output that fails to start is destroyed, so that nobody waits for it', async () => {
  const output = new PassThrough();
  const drained = pipeline(output, new Writable({ write: (_c, _e, done) => done() }));
  await assert.rejects(
    remote.run({ host: 'nobody', name: 'try', text: '', args: [], deadline: 1, output }),
    /no host nobody/,
  );
  await assert.rejects(drained);
});
