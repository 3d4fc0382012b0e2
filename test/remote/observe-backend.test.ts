import assert from 'node:assert/strict';
import { rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseBackendFacts, runningRelease, type BackendFacts } from '../../src/core/backend-facts.ts';
import { run } from './stand.ts';
import { alive, KEY, signal, until, V1, V2, withSlot, type Slot } from './slot.ts';

async function observed(slot: Slot, own = false): Promise<BackendFacts> {
  const ended = await slot.observe(own);
  assert.equal(ended.code, 0, ended.err);
  assert.equal(ended.err, '');
  const facts = parseBackendFacts(ended.out);
  assert.ok(!('problem' in facts), ended.out);
  return facts;
}

test('a running backend: releases, links, and what the processes run', () =>
  withSlot(async (slot) => {
    const wrapper = await slot.wrap();
    const { master } = await slot.serves(V1);
    await until(() => slot.workers().length === 2, 'both workers');
    unlinkSync(join(slot.root, V2, 'release.json'));
    await slot.change('prune-releases', [slot.root, '5']);
    const facts = await observed(slot);
    assert.deepEqual(
      facts.releases.map(({ release }) => release),
      [V1],
    );
    const { current, previous, incomplete, virtualenvs, lacks, problems, run: pids, root, fence } = facts;
    assert.deepEqual(
      { current, previous, incomplete, virtualenvs, lacks, problems, pids, root, fence },
      {
        current: V1,
        previous: null,
        incomplete: [V2],
        virtualenvs: [KEY],
        lacks: [],
        problems: [],
        pids: 'writable',
        root: { state: 'writable', path: slot.root },
        fence: { token: 1, sequence: 1, holder: 'tester' },
      },
    );
    assert.match(facts.python ?? '', /^3\.\d+\.\d+/);
    assert.match(facts.platform ?? '', /^linux-\S+ \S/);
    assert.ok(facts.free !== null && facts.free.bytes > 1e6);
    const [seen] = facts.slots;
    assert.deepEqual(
      [seen?.port, seen?.link, seen?.serves, seen?.wrapper, seen?.master?.pid, seen?.listening, seen?.through],
      [slot.port, '../current', V1, wrapper.pid, master, true, []],
    );
    assert.deepEqual(
      seen?.workers.map(({ pid }) => pid),
      slot.workers(),
    );
    assert.ok(seen?.master !== null && seen?.master !== undefined && facts.uptime - seen.master.start < 30);
    assert.match(seen.command ?? '', /gunicorn app --workers 2/);
    assert.equal(runningRelease(facts, slot.port), V1);
    // The link tells nothing of what runs.
    unlinkSync(join(slot.root, 'current'));
    symlinkSync(V2, join(slot.root, 'current'));
    const later = await observed(slot);
    assert.deepEqual([later.current, runningRelease(later, slot.port)], [V2, V1]);
  }));

test('a host on which nothing is yet', () =>
  withSlot(async (slot) => {
    const ended = await run('observe-backend', [
      join(slot.folder, 'none/yet'),
      join(slot.folder, 'pids'),
      '-',
      '/no/python',
      '8000',
    ]);
    const facts = parseBackendFacts(ended.out);
    assert.ok(!('problem' in facts), ended.out);
    assert.deepEqual([ended.code, ended.err], [0, '']);
    assert.deepEqual(
      [facts.root.state, facts.run, facts.python, facts.lacks, facts.releases, facts.slots, facts.current],
      ['creatable', 'missing', null, ['/no/python'], [], [], null],
    );
    assert.equal(runningRelease(facts, 8000), null);
  }));

test('what is strange is told: a release without its virtual environment, links to nowhere, a damaged release.json', () =>
  withSlot(async (slot) => {
    writeFileSync(join(slot.root, V2, 'release.json'), '{ "version": 1,\n "release": 7 }');
    unlinkSync(join(slot.root, 'current'));
    symlinkSync('elsewhere', join(slot.root, 'current'));
    rmSync(join(slot.root, 'virtualenvs', KEY, 'complete'));
    const facts = await observed(slot);
    assert.deepEqual([facts.releases, facts.incomplete, facts.current], [[], [V1, V2], null]);
    assert.deepEqual(facts.problems.length, 3, facts.problems.join('\n'));
    const previous = join(slot.root, 'previous');
    writeFileSync(previous, 'a file');
    assert.match((await observed(slot)).problems.join('\n'), /link previous names no release: \(no link\)/);
  }));

for (const [what, command, enter] of [
  ['--chdir', 'gunicorn --chdir ROOT/current/repository app', 'cd /'],
  ['a folder entered by way of the link', 'gunicorn app', 'cd ROOT/current/repository'],
  ['PYTHONPATH', 'env PYTHONPATH=ROOT/current/repository gunicorn app', 'cd -P ROOT/current/repository'],
] as const) {
  test(`code that is imported by way of current makes it unsure: ${what}`, () =>
    withSlot(async (slot) => {
      const line = `${enter} && exec ${command} --bind 127.0.0.1:${slot.port} --pid ${slot.pidFile}`;
      slot.start('sh', ['-c', line.replaceAll('ROOT', slot.root)]);
      await slot.serves(V1);
      const facts = await observed(slot, true);
      assert.equal(runningRelease(facts, slot.port), 'unsure', JSON.stringify(facts.slots));
    }));
}

test("a site's own program that enters the real folder is sure; so is one whose program's own path goes through current", () =>
  withSlot(async (slot) => {
    const line = `cd -P ROOT/current/repository && exec ROOT/current/virtualenv/bin/gunicorn app --bind 127.0.0.1:${slot.port} --pid ${slot.pidFile}`;
    slot.start('sh', ['-c', line.replaceAll('ROOT', slot.root)]);
    await slot.serves(V1);
    assert.equal(runningRelease(await observed(slot, true), slot.port), V1);
  }));

test('workers that outlived their master: unsure, for the port is held', () =>
  withSlot(async (slot) => {
    const wrapper = await slot.wrap();
    await slot.serves(V1);
    const workers = slot.workers();
    signal(wrapper.pid ?? 0, 'SIGKILL');
    for (const worker of workers) signal(worker, 'SIGSTOP');
    const master = slot.pidIn();
    signal(master, 'SIGKILL');
    await until(() => !alive(master), 'the master to be gone');
    const facts = await observed(slot);
    const [seen] = facts.slots;
    assert.deepEqual([seen?.master, seen?.wrapper, runningRelease(facts, slot.port)], [null, null, 'unsure']);
  }));
