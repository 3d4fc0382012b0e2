import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readlinkSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { script } from '../../src/fleet/scripts.ts';
import { alive, KEY, signal, until, V1, V2, withSlot, type Slot } from './slot.ts';

/** The test's own variables of what `env` printed. */
const shown = (text: string): string[] => text.split('\n').filter((each) => /^[A-D]=/.test(each));

const relink = (slot: Slot, target: string, name: string): void => {
  unlinkSync(join(slot.root, name));
  symlinkSync(target, join(slot.root, name));
};

test('what the link names is served from its real folder, with its virtual environment and the variables of the file', () =>
  withSlot(async (slot) => {
    writeFileSync(
      join(slot.root, 'shared/env'),
      `# a comment\n\nPLAIN=one two\nHOME_OF=$HOME \`id\` $(id)\nQUOTED="x  y"\nSINGLE='it"s'\r\nEQUALS=a=b=c\nVIRTUAL_ENV=/elsewhere\nPORT=1\nLAST=no newline`,
    );
    await slot.wrap();
    const { env, master } = await slot.serves(V1);
    const { PLAIN, HOME_OF, QUOTED, SINGLE, EQUALS, LAST, PORT, VIRTUAL_ENV, PID_FILE } = env;
    assert.deepEqual(
      { PLAIN, HOME_OF, QUOTED, SINGLE, EQUALS, LAST, PORT, VIRTUAL_ENV, PID_FILE },
      {
        PLAIN: 'one two',
        HOME_OF: '$HOME `id` $(id)',
        QUOTED: 'x  y',
        SINGLE: 'it"s',
        EQUALS: 'a=b=c',
        LAST: 'no newline',
        PORT: String(slot.port),
        VIRTUAL_ENV: join(slot.root, 'virtualenvs', KEY),
        PID_FILE: slot.pidFile,
      },
    );
    assert.equal(env['PATH']?.split(':')[0], join(slot.root, 'virtualenvs', KEY, 'bin'));
    assert.equal(slot.pidIn(), master);
    assert.equal(readlinkSync(`/proc/${master}/cwd`), join(slot.root, V1, 'repository'));
  }));

test('the wrapper and the scripts that build read a file of variables alike', () =>
  withSlot(async (slot) => {
    const file = join(slot.root, 'shared/env');
    writeFileSync(file, `A=" b "\nB='\nC=""\nD=\n  # not a comment, but no variable\n`);
    const env = ['-i', 'PATH=/usr/bin:/bin'];
    const body = script('virtualenv').replace(/^fenced "[^]*/m, '');
    const call = `${body}\nin_release / /nowhere ${file} env`;
    assert.throws(() => execFileSync('env', [...env, 'sh', '-c', call], { stdio: 'pipe' }), /not KEY=value/);
    slot.command = 'env';
    const wrapper = await slot.wrap();
    await until(() => slot.log.includes('not KEY=value'), 'the complaint');
    writeFileSync(file, `A=" b "\nB='\nC=""\nD=\nE_1=x`);
    await until(() => slot.log.includes('E_1=x'), 'the next start');
    assert.deepEqual(shown(slot.log), shown(execFileSync('env', [...env, 'sh', '-c', call], { encoding: 'utf8' })));
    assert.equal(wrapper.exitCode, null);
  }));

test('TERM to Gunicorn starts what the link names by then, at once; what the old workers import never changes', () =>
  withSlot(async (slot) => {
    const wrapper = await slot.wrap();
    const before = await slot.serves(V1);
    // A worker born after the link was changed still runs the old release.
    relink(slot, V2, 'current');
    const [worker] = slot.workers();
    assert.ok(worker);
    signal(worker, 'SIGKILL');
    await until(() => slot.workers().length === 2 && !slot.workers().includes(worker), 'a new worker');
    assert.equal((await slot.serves(V1)).master, before.master);
    signal(before.master, 'SIGTERM');
    const after = await slot.serves(V2);
    assert.notEqual(after.master, before.master);
    assert.equal(wrapper.exitCode, null);
  }));

test('without its link a slot rests; USR1 wakes it', () =>
  withSlot(async (slot) => {
    unlinkSync(join(slot.root, 'slots', String(slot.port)));
    const wrapper = await slot.wrap();
    assert.equal(await slot.ask(), undefined);
    symlinkSync('../current', join(slot.root, 'slots', String(slot.port)));
    signal(wrapper.pid ?? 0, 'SIGUSR1');
    await slot.serves(V1);
    // Stopped: the link first, then TERM.
    unlinkSync(join(slot.root, 'slots', String(slot.port)));
    signal(slot.pidIn(), 'SIGTERM');
    await until(() => !existsSync(slot.pidFile), 'Gunicorn to end');
    assert.equal(await slot.ask(), undefined);
    assert.equal(wrapper.exitCode, null);
  }));

test('TERM to the wrapper lets the request in hand finish, ends both, and leaves no pid file', () =>
  withSlot(async (slot) => {
    const wrapper = await slot.wrap();
    const { master } = await slot.serves(V1);
    const slow = slot.ask('0.6');
    await until(() => established(slot.port), 'the request to arrive');
    const ended = once(wrapper, 'exit');
    signal(wrapper.pid ?? 0, 'SIGTERM');
    assert.equal((await slow)?.release, V1);
    assert.deepEqual(await ended, [0, null]);
    assert.equal(alive(master), false);
    assert.deepEqual([existsSync(slot.pidFile), existsSync(slot.slotFile)], [false, false]);
  }));

test('USR1 while it serves changes nothing', () =>
  withSlot(async (slot) => {
    const wrapper = await slot.wrap();
    const { master } = await slot.serves(V1);
    for (let i = 0; i < 5; i += 1) signal(wrapper.pid ?? 0, 'SIGUSR1');
    assert.equal((await slot.serves(V1)).master, master);
    assert.equal(wrapper.exitCode, null);
  }));

test('a release that crashes at its start is tried once a second, not more', () =>
  withSlot(async (slot) => {
    slot.command = 'sh -c "echo tried; exit 3"';
    await slot.wrap();
    const begun = Date.now();
    await until(() => slot.log.split('tried').length > 3, 'three tries');
    assert.ok(Date.now() - begun > 1500, `${Date.now() - begun} ms`);
  }));

test('a Gunicorn whose wrapper was killed is watched by the next one, which starts no second beside it', () =>
  withSlot(async (slot) => {
    const first = await slot.wrap();
    const { master } = await slot.serves(V1);
    signal(first.pid ?? 0, 'SIGKILL');
    await once(first, 'exit');
    slot.log = '';
    const second = await slot.wrap();
    assert.equal((await slot.serves(V1)).master, master);
    relink(slot, V2, 'current');
    signal(master, 'SIGTERM');
    await slot.serves(V2);
    assert.doesNotMatch(slot.log, /Already running|in use/);
    assert.equal(second.exitCode, null);
  }));

test('a pid file that names a process of somebody else is stale', () =>
  withSlot(async (slot) => {
    const other = slot.start('/bin/sleep', ['60'], { cwd: '/' });
    mkdirSync(slot.run, { recursive: true });
    writeFileSync(slot.pidFile, `${other.pid}\n`);
    await slot.wrap();
    await slot.serves(V1);
    assert.equal(other.exitCode, null);
  }));

test('too few arguments are refused', () =>
  withSlot(async (slot) => {
    slot.wrapperArgs = () => ['/srv'];
    const child = slot.start('sh', [new URL('../../templates/run-slot.sh', import.meta.url).pathname, '/srv']);
    assert.deepEqual(await once(child, 'exit'), [2, null]);
  }));

function established(port: number): boolean {
  return execFileSync('ss', ['-Htn', 'state', 'established', `( sport = :${port} )`], { encoding: 'utf8' }) !== '';
}
