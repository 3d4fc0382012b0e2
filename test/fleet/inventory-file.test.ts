import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Refusal } from '../../src/core/failure.ts';
import { findInventory } from '../../src/fleet/inventory-file.ts';

const put = (name: string, text: string | Uint8Array, mode = 0o644): void => {
  writeFileSync(name, text);
  chmodSync(name, mode);
};
const refused = (given: Promise<unknown>, message: RegExp): Promise<void> =>
  assert.rejects(
    given,
    (error) =>
      error instanceof Refusal && error.exit === 2 && message.test([error.message, ...error.details].join('\n')),
  );

describe('finding the inventory', () => {
  const folder = mkdtempSync(join(tmpdir(), 'orchestrate-inventory-'));
  const before = process.cwd();
  process.chdir(folder);
  after(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });

  test('-i, then ORCHESTRATE_INVENTORY, then ./inventory.yaml', async () => {
    await refused(findInventory(undefined, {}), /there is no inventory.yaml here/);
    for (const name of ['inventory.yaml', 'a.yaml', 'b.yaml']) put(name, name);
    assert.deepEqual(await findInventory('a.yaml', { ORCHESTRATE_INVENTORY: 'b.yaml' }), {
      file: 'a.yaml',
      text: 'a.yaml',
    });
    assert.deepEqual(await findInventory(undefined, { ORCHESTRATE_INVENTORY: 'b.yaml' }), {
      file: 'b.yaml',
      text: 'b.yaml',
    });
    assert.deepEqual(await findInventory(undefined, { ORCHESTRATE_INVENTORY: '' }), {
      file: 'inventory.yaml',
      text: 'inventory.yaml',
    });
    await refused(
      findInventory(undefined, { ORCHESTRATE_INVENTORY: 'c.yaml' }),
      /there is no c.yaml \(ORCHESTRATE_INVENTORY\)/,
    );
  });

  test('an executable file is run, from this folder and not from PATH', async () => {
    put('inventory', '#!/bin/sh\necho "app: $NAME"\necho noise >&2\n', 0o755);
    assert.deepEqual(await findInventory('inventory', { NAME: 'shop', PATH: '/bin' }), {
      file: 'inventory',
      text: 'app: shop\n',
    });
    put('bad', '#!/bin/sh\necho "no \x1b[31mtoken" >&2\nexit 3\n', 0o755);
    await refused(findInventory('bad', process.env), /was run and ended with exit code 3\nno token/);
    put('plain.yaml', 'app: shop\n', 0o755);
    await refused(findInventory('plain.yaml', process.env), /executable, but can't be run|was run and ended/);
    put('gone', '#!/no/such/interpreter\n', 0o755);
    await refused(findInventory('gone', process.env), /can't be run/);
  });

  test('what is no text file is said', async () => {
    mkdirSync('folder');
    await refused(findInventory('folder', {}), /folder \(-i\) is not a file/);
    put('latin', new Uint8Array([0x61, 0xe9]));
    await refused(findInventory('latin', {}), /is not UTF-8/);
  });
});
