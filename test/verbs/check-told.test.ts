import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { toldChecks } from '../../src/verbs/check-told.ts';
import { worldOf } from '../core/planning/world.ts';
import { openedWith } from '../opened.ts';

test('check names the hooks and keys that are not there, and runs none', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'told-'));
  try {
    writeFileSync(join(folder, 'tell.sh'), '#!/bin/sh\ntouch was-run\n');
    writeFileSync(join(folder, 'plain.txt'), '');
    writeFileSync(join(folder, 'key'), 'abc\n');
    chmodSync(join(folder, 'tell.sh'), 0o755);
    const { inventory } = worldOf({ backends: 2, balancers: 1 });
    const webhook = { webhook: 'https://hooks.example.com/secret', on: ['failed'], format: 'json' } as const;
    const { opened } = openedWith(
      {
        ...inventory,
        hooks: {
          before_roll: ['./tell.sh --now', 'A=1 B=two [ -f x ] && y', 'if true; then x; fi'],
          after_batch: ['no-such-program-here x', './plain.txt', './nowhere.sh'],
          after_roll: ['"$HOME/bin/x"'],
          on_failure: [],
          deadline: 1000,
        },
        notify: [
          webhook,
          ...['key', 'plain.txt', 'none'].map((file) => ({ ...webhook, secret_file: join(folder, file) })),
        ],
      },
      { file: join(folder, 'inventory.yaml') },
    );
    const checks = await toldChecks(opened);
    assert.deepEqual(
      checks.map(({ verdict, says }) => [verdict, says.replaceAll(folder, 'F')]),
      [
        ['ok', 'hooks.before_roll: ./tell.sh is there'],
        ['ok', 'hooks.before_roll: [ is there'],
        ['ok', 'hooks.before_roll: if is there'],
        ['missing', 'hooks.after_batch: no-such-program-here is not there'],
        ['missing', 'hooks.after_batch: ./plain.txt is not there, or is not executable (seen from F)'],
        ['missing', 'hooks.after_batch: ./nowhere.sh is not there, or is not executable (seen from F)'],
        ['note', 'hooks.after_roll: `"$HOME/bin/x"` can\'t be looked at without running it'],
        ['ok', 'notify[1].secret_file: F/key is there'],
        ['missing', 'notify[2].secret_file: F/plain.txt is empty'],
        ['missing', "notify[3].secret_file: F/none can't be read"],
      ],
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
