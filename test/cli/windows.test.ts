import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { written } from '../core/inventory/world.ts';
import { run } from '../fleet/hosts/shell.ts';

const ROOT = join(import.meta.dirname, '../..');
let folder: string;
let file: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'orchestrate-windows-'));
  file = join(folder, 'inventory.yaml');
  await writeFile(file, written({ time_zone: 'Asia/Kolkata', windows: '[{ from: "02:00", to: "05:00" }]' }));
});
after(() => rm(folder, { recursive: true, force: true }));

const orchestrate = (zone: string, ...args: string[]) =>
  run('env', [`TZ=${zone}`, process.execPath, join(ROOT, 'src/main.ts'), '-i', file, ...args]);

describe('orchestrate', () => {
  test('windows tells the reader’s zone; where there is none, UTC', async () => {
    const zones = ['America/New_York', 'Mars/Olympus', ''].map(async (zone) => {
      const { code, stdout } = await orchestrate(zone, 'windows', '--json');
      assert.equal(code, 0);
      const { zones: told, openings } = JSON.parse(stdout) as { zones: unknown; openings: readonly unknown[] };
      assert.ok(openings.length >= 14);
      return told;
    });
    assert.deepEqual(
      await Promise.all(zones),
      ['America/New_York', 'UTC', 'UTC'].map((reader) => ({ fleet: 'Asia/Kolkata', reader })),
    );
  });

  test('roll refuses flags that do not go together', async () => {
    const { code, stderr } = await orchestrate('UTC', 'roll', '--now', '--reason', 'x', '--wait-window');
    assert.equal(code, 2);
    assert.match(stderr, /--wait-window' cannot be used with option '--now'/);
  });
});
