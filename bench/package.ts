import { cp, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from '../test/fleet/hosts/shell.ts';

const ROOT = join(import.meta.dirname, '..');

/** Makes in `folder` what npm would install: JavaScript, not the sources with their types. Returns the program. */
export async function makePackage(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await must(join(ROOT, 'node_modules/.bin/tsc'), [
    '-p',
    join(ROOT, 'tsconfig.build.json'),
    '--outDir',
    join(folder, 'dist'),
  ]);
  await cp(join(ROOT, 'src/remote'), join(folder, 'dist/remote'), { recursive: true });
  for (const name of ['package.json', 'templates', 'inventory.yaml'])
    await cp(join(ROOT, name), join(folder, name), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return join(folder, 'dist/main.js');
}
