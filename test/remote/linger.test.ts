import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseBackendFacts } from '../../src/core/backend-facts.ts';
import { alive, until, V1, V2, withSlot, type Slot } from './slot.ts';

const mark = (slot: Slot): string => join(slot.root, '.orchestrate', `linger-${slot.port}`);
const linked = (slot: Slot): boolean => existsSync(join(slot.root, 'slots', String(slot.port)));

/** What serves on the other slot is V2 from here on; this one runs V1. */
async function former(slot: Slot): Promise<number> {
  await slot.wrap();
  await slot.serves(V1);
  return slot.pidIn();
}

test('a release is started by a link of its own, and current stays', () =>
  withSlot(async (slot) => {
    await slot.wrap();
    await slot.serves(V1);
    mkdirSync(join(slot.root, '.orchestrate'), { recursive: true });
    writeFileSync(mark(slot), 'boot 1\n');
    const ended = await slot.switch(V2, { of: 'slot' });
    assert.equal(ended.code, 0, ended.err);
    assert.equal((await slot.ask())?.release, V2);
    assert.deepEqual([slot.link('current'), slot.link(`slots/${slot.port}`)], [V1, `../${V2}`]);
    assert.equal(existsSync(mark(slot)), false);
  }));

test('what served before runs on as it is, and ends by itself, though nobody is there', () =>
  withSlot(async (slot) => {
    const master = await former(slot);
    const ended = await slot.linger(V2, '2');
    assert.equal(ended.code, 0, ended.err);
    assert.deepEqual(
      [slot.link('current'), slot.link('previous'), slot.link(`slots/${slot.port}`)],
      [V2, V1, `../${V1}`],
    );
    const facts = parseBackendFacts((await slot.observe()).out);
    assert.ok(!('problem' in facts));
    const { linger } = facts.slots[0] ?? {};
    assert.equal(linger?.boot, facts.boot);
    assert.ok((linger?.until ?? 0) - facts.uptime < 3);
    assert.equal((await slot.ask())?.release, V1);
    await until(() => !alive(master) && !existsSync(mark(slot)), 'the end of what lingers');
    assert.deepEqual([linked(slot), existsSync(mark(slot))], [false, false]);
    await sleep(1500);
    assert.equal(await slot.ask(), undefined);
  }));

test('a later fence keeps it from ending, and a connection puts the end off', () =>
  withSlot(async (slot) => {
    const master = await former(slot);
    await slot.linger(V2, '1');
    slot.token += 1;
    assert.equal((await slot.change('fence', [])).code, 0);
    await sleep(3000);
    assert.ok(alive(master), 'it was overtaken');
    const socket = connect(slot.port, '127.0.0.1');
    await slot.linger(V2, '1');
    await sleep(3000);
    assert.ok(alive(master), 'somebody is connected');
    socket.destroy();
    await until(() => !alive(master), 'its end');
  }));

test('asked for, it ends now; where there is nothing, current follows all the same', () =>
  withSlot(async (slot) => {
    const master = await former(slot);
    const ended = await slot.linger(V2, '0');
    assert.equal(ended.code, 0, ended.err);
    assert.deepEqual([alive(master), linked(slot), slot.link('current')], [false, false, V2]);
    assert.equal((await slot.linger(V1, '-')).code, 0);
    assert.equal(slot.link('current'), V1);
    assert.match(readFileSync(join(slot.root, '.orchestrate/fence'), 'utf8'), /tester/);
  }));

test('what is just being started has no pid file yet, and ends all the same', () =>
  withSlot(async (slot) => {
    unlinkSync(join(slot.root, 'slots', String(slot.port)));
    slot.command = `sh -c 'sleep 1; echo $$ >"$PID_FILE"; exec sleep 60'`;
    const wrapper = await slot.wrap();
    const started = (): number[] =>
      readFileSync(`/proc/${wrapper.pid}/task/${wrapper.pid}/children`, 'utf8')
        .trim()
        .split(' ')
        .filter((pid) => pid !== '' && readlinkSync(`/proc/${pid}/cwd`).startsWith(slot.root))
        .map(Number);
    symlinkSync(`../${V1}`, join(slot.root, 'slots', String(slot.port)));
    await until(() => started().length > 0, 'its start');
    const [child = 0] = started();
    const ended = await slot.linger(V2, '0');
    assert.equal(ended.code, 0, ended.err);
    assert.deepEqual([alive(child), linked(slot)], [false, false]);
    await sleep(1500);
    assert.deepEqual([started(), existsSync(slot.pidFile)], [[], false]);
  }));
