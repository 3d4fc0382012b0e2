import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Inventory } from '../../src/core/inventory.ts';
import { supervisorConfiguration, systemdUnit, WRAPPER as INSTALLED } from '../../src/core/service.ts';
import { world } from '../core/routing/world.ts';
import { alive, signal, until, V1, V2, withSlot, WRAPPER, type Slot } from './slot.ts';
import { template } from './stand.ts';

function inventoryOf(slot: Slot, manager: 'supervisor' | 'systemd'): Inventory {
  return {
    ...world(['web1'], { backend: { slots: [slot.port] } }),
    release: { root: slot.root, code: 'repository', virtualenv: 'virtualenv', shared: {}, env_file: 'env', keep: 5 },
    service: {
      manager,
      wrapper: true,
      command: slot.command,
      slots: [slot.port],
      linger: 0,
      start_concurrency: 1,
      name: 'shop',
      pid_file: '',
      restart: null,
    },
  };
}

/** A real supervisord that reads what the template makes, with the folders of the test in place of the host's. */
async function supervised(slot: Slot): Promise<{ pid: number; gone: Promise<unknown>; log: string }> {
  const inventory = inventoryOf(slot, 'supervisor');
  const [backend] = inventory.backends;
  assert.ok(backend);
  const log = join(slot.folder, `log/shop-${slot.port}.log`);
  mkdirSync(join(slot.folder, 'log'));
  const program = supervisorConfiguration(inventory, backend, template('supervisor.conf.hbs'), userInfo().username)
    .replaceAll(INSTALLED, WRAPPER)
    .replaceAll('/var/log/supervisor', join(slot.folder, 'log'))
    .replaceAll('/run/shop', slot.run);
  const file = join(slot.folder, 'supervisord.conf');
  const own = `[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=${slot.folder}/supervisord.pid\n`;
  writeFileSync(file, `${own}${program}`);
  const child = slot.start('/usr/bin/supervisord', ['-n', '-c', file]);
  assert.ok(child.pid);
  return { pid: child.pid, gone: once(child, 'exit'), log };
}

test('under supervisor: started at boot, switched without it, started again however it ends, ended by it', () =>
  withSlot(async (slot) => {
    const { pid, gone, log } = await supervised(slot);
    const { master } = await slot.serves(V1);
    assert.equal((await slot.switch(V2)).code, 0);
    assert.equal((await slot.ask())?.release, V2);
    // TERM to the wrapper: Gunicorn ends too, and supervisor starts both again though the wrapper had ended well.
    const wrapper = slot.pidIn(slot.slotFile);
    signal(wrapper, 'SIGTERM');
    await until(() => !alive(wrapper), 'the wrapper to end');
    assert.notEqual((await slot.serves(V2)).master, master);
    // KILL: its Gunicorn serves on, under the next wrapper.
    const second = slot.pidIn(slot.slotFile);
    const serving = (await slot.serves(V2)).master;
    signal(second, 'SIGKILL');
    await until(() => existsSync(slot.slotFile) && slot.pidIn(slot.slotFile) !== second, 'the third wrapper');
    assert.equal((await slot.serves(V2)).master, serving);
    assert.match((await slot.switch(V1)).out, /runs as process/);
    // What it printed is where application-log.sh is told to look.
    assert.match(readFileSync(log, 'utf8'), /Starting gunicorn/);
    const last = slot.pidIn();
    signal(pid, 'SIGTERM');
    await gone;
    assert.deepEqual([alive(last), await slot.ask()], [false, undefined]);
  }));

test('under supervisor, a host without a release is no failure', () =>
  withSlot(async (slot) => {
    unlinkSync(join(slot.root, 'current'));
    const { pid, gone } = await supervised(slot);
    await until(() => existsSync(slot.slotFile), 'the wrapper');
    assert.match((await slot.switch(V1)).out, /runs as process/);
    assert.equal((await slot.ask())?.release, V1);
    signal(pid, 'SIGTERM');
    await gone;
  }));

test('systemd reads its unit without a word', { skip: !existsSync('/usr/bin/systemd-analyze') }, () =>
  withSlot((slot) => {
    slot.command = `env X='a "b" %i $HOME' gunicorn "shop.wsgi" --bind 0.0.0.0:$PORT --pid $PID_FILE`;
    const inventory = inventoryOf(slot, 'systemd');
    const [backend] = inventory.backends;
    assert.ok(backend);
    const text = systemdUnit(inventory, backend, template('gunicorn@.service.hbs'), userInfo().username);
    // The wrapper's place is not on this machine.
    const unit = join(slot.folder, 'shop@.service');
    writeFileSync(unit, text.replaceAll(INSTALLED, WRAPPER));
    symlinkSync(unit, join(slot.folder, 'shop@8000.service'));
    const said = spawnSync(
      'systemd-analyze',
      ['verify', '--man=no', '--recursive-errors=no', join(slot.folder, 'shop@8000.service')],
      {
        encoding: 'utf8',
      },
    );
    const about = `${said.stdout}${said.stderr}`.split('\n').filter((line) => line.includes('shop@'));
    assert.deepEqual([said.status, about], [0, []], said.stderr);
    return Promise.resolve();
  }),
);
