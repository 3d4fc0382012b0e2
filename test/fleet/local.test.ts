import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { PassThrough, Readable, Writable } from 'node:stream';
import { test } from 'node:test';
import type { Outcome } from '../../src/core/outcome.ts';
import { besideSsh } from '../../src/fleet/local.ts';
import type { RemoteCall } from '../../src/fleet/ports.ts';
import { fakeRemote } from './fake-remote.ts';

const remote = besideSsh(fakeRemote(() => ({ kind: 'exited', code: 3, stdout: 'by ssh', stderr: '' })));
const run = (text: string, more: Partial<RemoteCall> = {}): Promise<Outcome> =>
  remote.run({ host: 'local', name: 'try', text, args: [], deadline: 20_000, ...more });
const exited = (code: number, stdout = '', stderr = ''): Outcome => ({ kind: 'exited', code, stdout, stderr });

test('a script runs here as on a host, and its output comes without what is around it', async () => {
  const args = ["it's", '$HOME', 'a  b\n'];
  assert.deepEqual(
    await run(String.raw`printf '[%s]' "$0" "$@"; echo oops >&2; exit 3`, { args }),
    exited(3, "[try][it's][$HOME][a  b\n]", 'oops\n'),
  );
  assert.equal((await run('head -c 9000000 /dev/zero')).stdout.length, 9_000_000);
  assert.deepEqual(await run('kill -s KILL $$'), { kind: 'signalled', signal: 'SIGKILL', stdout: '', stderr: '' });
  assert.equal((await remote.run({ host: 'web1', name: 'try', text: '', args: [], deadline: 1 })).stdout, 'by ssh');
});

test('what goes in comes in whole, and what comes out goes on at the pace of who takes it', async () => {
  const data = Buffer.alloc(5_000_000, 'abc');
  const sum = createHash('sha256').update(data).digest('hex');
  const input = Readable.from([data.subarray(0, 2_000_000), data.subarray(2_000_000)]);
  assert.match((await run('sha256sum', { input })).stdout, new RegExp(`^${sum} `));
  const taken = createHash('sha256');
  const output = new Writable({
    highWaterMark: 1000,
    write: (chunk: Buffer, _encoding, done) => {
      taken.update(chunk);
      setImmediate(done);
    },
  });
  assert.deepEqual(await run('cat', { input: data, output }), exited(0));
  assert.equal(taken.digest('hex'), sum);
  // One that reads nothing of it, and ends.
  assert.deepEqual(await run('exit 78', { input: data }), exited(78));
});

test('its deadline, and whoever leaves it, end the waiting and tell the script', async () => {
  const late = await run('echo here; exec sleep 30', { deadline: 200, input: new PassThrough() });
  assert.equal(late.kind, 'timed out');
  const told: string[] = [];
  const leaving = new AbortController();
  const left = await run('trap "exit 9" TERM; echo ready >&2; sleep 30 & wait', {
    signal: leaving.signal,
    onLine: (line) => {
      told.push(line);
      leaving.abort();
    },
  });
  assert.deepEqual([left.kind, told], ['lost', ['ready']]);
});

test('of this machine’s variables it gets what a login would have', async () => {
  process.env['SECRET_OF_THE_OPERATOR'] = 'x';
  process.env['PIP_INDEX_URL'] = 'http://index.example.com';
  const { stdout } = await run('env; pwd');
  delete process.env['SECRET_OF_THE_OPERATOR'];
  delete process.env['PIP_INDEX_URL'];
  assert.doesNotMatch(stdout, /SECRET_OF_THE_OPERATOR/);
  assert.match(stdout, /^PIP_INDEX_URL=http:\/\/index\.example\.com$/m);
  assert.match(stdout, /^PATH=/m);
  assert.match(stdout, /^\/$/m);
});
