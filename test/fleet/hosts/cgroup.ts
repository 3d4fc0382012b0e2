import { existsSync } from 'node:fs';
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from './shell.ts';

const V1 = '/sys/fs/cgroup/cpu';
const V2 = '/sys/fs/cgroup';
const folderIn = (root: string, name: string): string => join(root, `orchestrate-${name}`);

/**
 * A control group with a share of the processors (1024 is what all others together have). Returns its folder, or null where this
 * machine has no such controller: then figures are of a machine on which deployments slow the application.
 */
export async function makeGroup(name: string, shares: number): Promise<string | null> {
  try {
    if (existsSync(join(V1, 'cpu.shares'))) {
      await mkdir(folderIn(V1, name), { recursive: true });
      await writeFile(join(folderIn(V1, name), 'cpu.shares'), String(shares));
      return folderIn(V1, name);
    }
    if (!(await readFile(join(V2, 'cgroup.controllers'), 'utf8')).includes('cpu')) return null;
    await writeFile(join(V2, 'cgroup.subtree_control'), '+cpu');
    await mkdir(folderIn(V2, name), { recursive: true });
    await writeFile(join(folderIn(V2, name), 'cpu.weight'), String(Math.max(1, Math.round((shares * 100) / 1024))));
    return folderIn(V2, name);
  } catch {
    return null;
  }
}

/** A group can go when its last process has. */
export async function removeGroup(name: string): Promise<void> {
  for (const folder of [folderIn(V1, name), folderIn(V2, name)])
    if (existsSync(folder))
      await until(`${folder} is empty`, 5000, () =>
        rmdir(folder).then(
          () => true,
          () => false,
        ),
      );
}
