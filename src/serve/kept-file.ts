import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Refusal } from '../core/failure.ts';
import type { Kept } from './store.ts';

/**
 * Schedules, jobs that have not ended, and tokens, beside the database's files: written whole under another name, brought to the disk, then
 * renamed. The database in the folder does not wait for the disk: what a power cut takes from it is put back from here.
 */

const VERSION = 1;

const keptFile = (folder: string): string => join(folder, 'kept.json');

export async function writeKept(folder: string, kept: Kept): Promise<void> {
  const file = keptFile(folder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const handle = await open(`${file}.new`, 'w', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify({ version: VERSION, ...kept })}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
  const directory = await open(dirname(file), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Undefined: there is none yet. Rejects with `Refusal` (exit 2) where it is none that this orchestrate can read. */
export async function readKept(folder: string): Promise<Kept | undefined> {
  const file = keptFile(folder);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value !== 'object' || value === null || !('version' in value))
    throw new Refusal(
      2,
      `${file} is not what orchestrate wrote.`,
      'Put it back from a backup, or move it away to begin without schedules and tokens.',
    );
  if (value.version !== VERSION)
    throw new Refusal(
      2,
      `${file} was written by a newer orchestrate.`,
      'Start the newer one, or give this one another folder.',
    );
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by writeKept, in a folder that is the service's alone
  return value as unknown as Kept;
}
