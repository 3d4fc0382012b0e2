import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { KEY, V1, V2, withSlot, type Slot } from './slot.ts';

const LATER = ['20261124-0101-1111111', '20261125-0101-2222222', '20261126-0101-3333333'] as const;
const LONG_AGO = new Date(Date.now() - 3 * 86_400_000);

const releases = (slot: Slot): string[] =>
  readdirSync(slot.root)
    .filter((name) => /^\d{8}-/.test(name))
    .toSorted();

/** A release that was begun and not finished. */
function half(slot: Slot, name: string, changed: Date): void {
  mkdirSync(join(slot.root, name, 'repository'), { recursive: true });
  utimesSync(join(slot.root, name), changed, changed);
}

function virtualenv(slot: Slot, key: string, changed: Date): void {
  mkdirSync(join(slot.root, 'virtualenvs', key));
  writeFileSync(join(slot.root, 'virtualenvs', key, 'complete'), '1');
  utimesSync(join(slot.root, 'virtualenvs', key), changed, changed);
}

test('the newest stay, and whatever is named or runs; the half-made push nothing out', () =>
  withSlot(async (slot) => {
    for (const name of LATER) slot.release(name);
    half(slot, '20261127-0101-4444444', new Date());
    half(slot, '20261127-0202-5555555', LONG_AGO);
    const ended = await slot.change('prune-releases', [slot.root, '2']);
    assert.equal(ended.code, 0, ended.err);
    assert.deepEqual(releases(slot), [V1, LATER[1], LATER[2], '20261127-0101-4444444']);
    assert.deepEqual(
      ended.out.trim().split('\n').toSorted(),
      [
        '3 releases and 0 virtual environments removed',
        `removed ${V2}`,
        `removed ${LATER[0]}`,
        'removed 20261127-0202-5555555',
      ].toSorted(),
    );
    assert.match((await slot.change('prune-releases', [slot.root, '2'])).out, /^0 releases and 0/);
  }));

test('previous, a slot’s own link, what a process stands in, and what the operator protects', () =>
  withSlot(async (slot) => {
    for (const name of LATER) slot.release(name);
    symlinkSync(V2, join(slot.root, 'previous'));
    symlinkSync(`../${LATER[0]}`, join(slot.root, 'slots/9000'));
    slot.start('/bin/sleep', ['60'], { cwd: join(slot.root, LATER[1], 'repository') });
    slot.release('20261123-0000-7777777');
    slot.release('20261123-0001-8888888');
    const ended = await slot.change('prune-releases', [slot.root, '1', '20261123-0001-8888888']);
    assert.deepEqual(releases(slot), ['20261123-0001-8888888', V1, V2, ...LATER]);
    assert.match(ended.out, /^removed 20261123-0000-7777777\n1 releases/);
  }));

test('virtual environments go when no release that stays uses them; what is not ours is not touched', () =>
  withSlot(async (slot) => {
    virtualenv(slot, 'aaaaaaaaaaaaaaaa', LONG_AGO);
    virtualenv(slot, 'bbbbbbbbbbbbbbbb', new Date());
    virtualenv(slot, 'by-hand', LONG_AGO);
    mkdirSync(join(slot.root, '2026-backup-of-mine'));
    mkdirSync(join(slot.root, 'media'));
    symlinkSync(V1, join(slot.root, 'current.123'));
    symlinkSync('../current', join(slot.root, 'slots/8000.99'));
    const ended = await slot.change('prune-releases', [slot.root, '5']);
    assert.deepEqual(readdirSync(join(slot.root, 'virtualenvs')).toSorted(), [KEY, 'bbbbbbbbbbbbbbbb', 'by-hand']);
    assert.match(ended.out, /removed virtualenvs\/aaaaaaaaaaaaaaaa\n/);
    for (const kept of ['2026-backup-of-mine', 'media', 'current', `slots/${slot.port}`])
      assert.ok(existsSync(join(slot.root, kept)), kept);
    for (const gone of ['current.123', 'slots/8000.99']) assert.ok(!existsSync(join(slot.root, gone)), gone);
  }));
