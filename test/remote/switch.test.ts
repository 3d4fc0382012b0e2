import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { alive, KEY, signal, until, V1, V2, withSlot, type Slot } from './slot.ts';

const RAN = /^(\S+) runs as process (\d+): stopped in (\d+) ms, started in (\d+) ms\n$/;

test('the wrapper starts the release, and the next request is answered by it', () =>
  withSlot(async (slot) => {
    await slot.wrap();
    const { master } = await slot.serves(V1);
    const workers = slot.workers();
    const ended = await slot.switch(V2);
    // Nothing is waited for: who asks once it has said so is not refused.
    const answer = await slot.ask();
    assert.equal(ended.code, 0, ended.err);
    const [, release, pid] = RAN.exec(ended.out) ?? [];
    assert.equal(release, V2, ended.out);
    assert.deepEqual([answer?.release, answer?.master], [V2, Number(pid)]);
    assert.deepEqual([slot.link('current'), slot.link('previous')], [V2, V1]);
    for (const old of [master, ...workers]) assert.equal(alive(old), false);
  }));

test('threaded workers are woken to see that they are to end', () =>
  withSlot(async (slot) => {
    const told = join(slot.folder, 'told');
    slot.command += ' --threads 4';
    writeFileSync(
      join(slot.root, 'virtualenvs', KEY, 'bin/python'),
      `#!/bin/sh\nprintf '%s ' "$5" "$6" "$7" >${told}\nexec /usr/bin/python3 "$@"\n`,
      { mode: 0o755 },
    );
    await slot.wrap();
    const { master } = await slot.serves(V1);
    const old = slot.pidIn();
    const ended = await slot.switch(V2);
    assert.equal(ended.code, 0, ended.err);
    assert.equal((await slot.ask())?.release, V2);
    assert.equal(readFileSync(told, 'utf8'), `${old} 127.0.0.1 ${slot.port} `);
    assert.equal(master, old);
    assert.doesNotMatch(slot.log, /error|traceback/i);
  }));

test('what runs already is left alone, unless a restart is asked for', () =>
  withSlot(async (slot) => {
    await slot.wrap();
    const { master } = await slot.serves(V1);
    const again = await slot.switch(V1);
    assert.deepEqual([again.code, again.out], [0, `${V1} runs already as process ${master}\n`]);
    assert.equal((await slot.ask())?.master, master);
    const forced = await slot.switch(V1, { force: 'restart' });
    assert.match(forced.out, RAN);
    assert.notEqual((await slot.serves(V1)).master, master);
    // `previous` would be lost if it were set to what is current.
    assert.equal(existsSync(join(slot.root, 'previous')), false);
  }));

test('a restart that was asked for is not made twice by one command, when it is met again', () =>
  withSlot(async (slot) => {
    await slot.wrap();
    await slot.serves(V1);
    assert.match((await slot.switch(V1, { force: 'restart' })).out, RAN);
    const { master } = await slot.serves(V1);
    const again = await slot.switch(V1, { force: 'restart' });
    assert.deepEqual([again.code, again.out], [0, `${V1} runs already as process ${master}\n`]);
    // Of another command it is another wish.
    slot.token += 1;
    assert.match((await slot.switch(V1, { force: 'restart' })).out, RAN);
  }));

test('a slot that serves nothing yet is started', () =>
  withSlot(async (slot) => {
    for (const name of ['current', `slots/${slot.port}`]) unlinkSync(join(slot.root, name));
    await slot.wrap();
    const ended = await slot.switch(V1);
    assert.match(ended.out, RAN, ended.err);
    assert.equal((await slot.ask())?.release, V1);
    assert.deepEqual([slot.link('current'), slot.link(`slots/${slot.port}`)], [V1, '../current']);
  }));

test('links that were changed before the script was cut are no reason to do nothing', () =>
  withSlot(async (slot) => {
    await slot.wrap();
    await slot.serves(V1);
    unlinkSync(join(slot.root, 'current'));
    symlinkSync(V2, join(slot.root, 'current'));
    symlinkSync(V1, join(slot.root, 'previous'));
    assert.match((await slot.switch(V2)).out, RAN);
    assert.equal((await slot.ask())?.release, V2);
    assert.equal(slot.link('previous'), V1);
  }));

test('what is not complete is refused, and nothing is changed', () =>
  withSlot(async (slot) => {
    await slot.wrap();
    const { master } = await slot.serves(V1);
    unlinkSync(join(slot.root, V2, 'release.json'));
    const half = await slot.switch(V2);
    assert.deepEqual([half.code, half.err], [78, `${V2} is not complete on this host\n`]);
    slot.release('20261123-0303-ccccccc');
    unlinkSync(join(slot.root, 'virtualenvs', KEY, 'complete'));
    const lacking = await slot.switch('20261123-0303-ccccccc');
    assert.equal(lacking.code, 78);
    assert.match(lacking.err, /lacks its virtual environment/);
    assert.equal((await slot.switch('../etc')).code, 78);
    assert.equal(slot.link('current'), V1);
    assert.equal((await slot.ask())?.master, master);
  }));

test('workers that outlived their master are found by the port and ended', () =>
  withSlot(async (slot) => {
    const wrapper = await slot.wrap();
    await slot.serves(V1);
    await until(() => slot.workers().length === 2, 'both workers');
    const workers = slot.workers();
    // The wrapper is stopped, so that nothing else mends it meanwhile.
    signal(wrapper.pid ?? 0, 'SIGSTOP');
    for (const worker of workers) signal(worker, 'SIGSTOP');
    signal(slot.pidIn(), 'SIGKILL');
    setTimeout(() => signal(wrapper.pid ?? 0, 'SIGCONT'), 900);
    const ended = await slot.switch(V2);
    assert.equal(ended.code, 0, ended.err);
    assert.equal(ended.out.match(/had outlived its master/g)?.length, 2, ended.out);
    assert.equal((await slot.ask())?.release, V2);
    for (const worker of workers) assert.equal(alive(worker), false);
  }));

test('another program on the port is not ended; the story has the end of the log', () =>
  withSlot(async (slot) => {
    const server = createServer().listen(slot.port, '127.0.0.1');
    try {
      await slot.wrap();
      const log = join(slot.folder, 'app.log');
      writeFileSync(log, 'the last words\n');
      const ended = await slot.switch(V2, { deadline: 1500, log: ['/nowhere', `${slot.folder}/*.log`] });
      assert.equal(ended.code, 1);
      assert.match(ended.err, /the last words\n.*does not (run|listen) on port/);
      assert.equal(server.listening, true);
    } finally {
      server.close();
    }
  }));

test('a pid file that names something else is never followed', () =>
  withSlot(async (slot) => {
    const other = slot.start('/bin/sleep', ['60'], { cwd: '/' });
    writeFileSync(slot.pidFile, `${other.pid}\n`);
    const ended = await slot.switch(V2);
    assert.equal(ended.code, 78);
    assert.match(ended.err, /is not the application: \/bin\/sleep 60/);
    assert.equal(other.exitCode, null);
  }));

test('a crash at the start ends at the deadline with the reason', () =>
  withSlot(async (slot) => {
    await slot.wrap();
    await slot.serves(V1);
    rmSync(join(slot.root, V2, 'repository'), { recursive: true });
    const ended = await slot.switch(V2, { deadline: 2000 });
    assert.equal(ended.code, 1);
    assert.match(ended.err, new RegExp(`${V2} does not run on port ${slot.port} 2 s after`));
    // And back, though the wrapper rests between two tries.
    assert.equal((await slot.switch(V1)).code, 0);
    assert.equal((await slot.ask())?.release, V1);
  }));

/** A site's own program, kept alive by a loop as a process manager would. */
function own(slot: Slot, enter = `cd -P "${slot.root}/current/repository"`): void {
  const command = `PID_FILE=${slot.pidFile} PORT=${slot.port}; while :; do ( ${enter} && exec ${slot.command} ); done`;
  slot.start('sh', ['-c', command]);
}

test("a site's own program is ended by TERM and started again by its manager", () =>
  withSlot(async (slot) => {
    own(slot);
    await slot.serves(V1);
    const ended = await slot.switch(V2, { own: true });
    assert.match(ended.out, RAN, ended.err);
    assert.equal((await slot.ask())?.release, V2);
  }));

test('code that is imported by way of current is never taken for running already', () =>
  withSlot(async (slot) => {
    own(slot, `cd "${slot.root}/current/repository"`);
    const { master } = await slot.serves(V1);
    assert.match((await slot.switch(V1, { own: true })).out, RAN);
    assert.notEqual((await slot.ask())?.master, master);
  }));

test('a manager with a restart command is given just that', () =>
  withSlot(async (slot) => {
    const serve = `( cd -P "${slot.root}/current/repository" && exec ${slot.command} ) & child=$!`;
    const forever = `while :; do ${serve}; wait $child; kill $child 2>/dev/null; wait $child; done`;
    const manager = slot.start('sh', [
      '-c',
      `export PORT=${slot.port} PID_FILE=${slot.pidFile}; trap : USR1; ${forever}`,
    ]);
    await slot.serves(V1);
    const restart = `echo restarting; kill -s USR1 ${manager.pid}`;
    const ended = await slot.switch(V2, { own: true, restart });
    assert.match(ended.out, RAN, ended.err);
    const failed = await slot.switch(V1, { own: true, restart: 'echo not today; exit 3' });
    assert.deepEqual([failed.code, failed.err], [1, 'not today\n`echo not today; exit 3` failed\n']);
  }));

test('what was started holds neither the lock nor the output', () =>
  withSlot(async (slot) => {
    const restart = `cd -P "${slot.root}/current/repository" && PORT=${slot.port} PID_FILE=${slot.pidFile} && { ${slot.command} & }`;
    const first = await slot.switch(V1, { own: true, restart });
    assert.match(first.out, RAN, first.err);
    try {
      assert.equal((await slot.change('prune-releases', [slot.root, '5'])).code, 0);
    } finally {
      signal(slot.pidIn(), 'SIGTERM');
      await until(() => !existsSync(slot.pidFile), 'Gunicorn to end');
    }
  }));

test('without a wrapper it is said, not waited for till the deadline', () =>
  withSlot(async (slot) => {
    const wrapper = await slot.wrap();
    await slot.serves(V1);
    const master = slot.pidIn();
    signal(wrapper.pid ?? 0, 'SIGKILL');
    await once(wrapper, 'exit');
    const begun = Date.now();
    const ended = await slot.switch(V2, { deadline: 60_000 });
    assert.equal(ended.code, 1);
    assert.match(ended.err, /no wrapper runs for port/);
    // Gunicorn itself may take its 30 s to end on a busy machine.
    assert.ok(Date.now() - begun < 55_000);
    assert.equal(alive(master), false);
  }));
