import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Status } from '../../src/core/status.ts';
import { statusLines } from '../../src/tell/status.ts';
import { HOSTILE } from './world.ts';

const sound: Status = {
  app: 'shop',
  exit: 0,
  backends: [
    {
      name: 'web1',
      rotation: 'in',
      reason: null,
      since: '2026-11-23T10:00:00.000Z',
      running: 'v2',
      slot: null,
      current: 'v2',
      health: 'healthy',
    },
    {
      name: 'web2',
      rotation: 'out',
      reason: 'new disk',
      since: null,
      running: null,
      slot: null,
      current: null,
      health: null,
    },
  ],
  balancers: [
    { name: 'lb1', generation: 6, serves: true },
    { name: 'lb2', generation: null, serves: false },
  ],
  drift: [],
  unfinished: null,
  canary: null,
  back: [],
  atWork: false,
};

describe('status', () => {
  test('tells backends, balancers, and that all is well', () => {
    const lines = statusLines(sound);
    assert.match(lines[1] ?? '', /^web1 +in +v2 +healthy +since 2026-11-23 10:00 UTC$/);
    assert.match(lines[2] ?? '', /^web2 +out +no release +not asked +.*new disk$/);
    assert.match(lines.find((line) => line.startsWith('lb1')) ?? '', /generation 6 +served by Nginx$/);
    assert.match(lines.find((line) => line.startsWith('lb2')) ?? '', /no generation yet$/);
    assert.match(lines.at(-1) ?? '', /all is as it should be/);
  });

  test('tells what is not as it should be', () => {
    const lines = statusLines({
      ...sound,
      exit: 4,
      drift: ['web1 runs v1'],
      unfinished: 'ann@ci began `roll` at noon and has not finished it',
    });
    assert.ok(lines.includes('! web1 runs v1'));
    assert.ok(lines.some((line) => line.startsWith('UNFINISHED: ann@ci began `roll`') && line.includes('resume')));
    assert.ok(!lines.some((line) => line.includes('all is as it should be')));
  });

  test('shows what hosts say without their escapes', () => {
    const [backend] = sound.backends;
    assert.ok(backend);
    for (const line of statusLines({
      ...sound,
      backends: [{ ...backend, running: HOSTILE, health: HOSTILE, rotation: 'out', reason: HOSTILE }],
      drift: [HOSTILE],
    }))
      assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]/u);
  });
});
