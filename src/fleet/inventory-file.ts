import { execFile } from 'node:child_process';
import type { ExecFileException } from 'node:child_process';
import { access, constants, readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { printable, Refusal } from '../core/failure.ts';

/** An inventory's text, and what it is called in messages: the name as it was given. */
export interface InventoryFile {
  readonly file: string;
  readonly text: string;
}

/** A program that makes an inventory may take this long, in milliseconds. */
const DEADLINE = 60_000;

/**
 * Finds and reads the inventory: `flag` (-i), else `ORCHESTRATE_INVENTORY`, else `./inventory.yaml`. An executable file is run (in the
 * present folder, without arguments) and its standard output is the inventory. Rejects with `Refusal` (exit 2).
 */
export async function findInventory(
  flag: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<InventoryFile> {
  const variable = environment['ORCHESTRATE_INVENTORY'];
  const named = flag ?? (variable === '' ? undefined : variable);
  const file = named ?? 'inventory.yaml';
  const from = flag !== undefined ? ' (-i)' : named !== undefined ? ' (ORCHESTRATE_INVENTORY)' : '';
  try {
    const found = await stat(file);
    if (!found.isFile()) throw refuse(`${file}${from} is not a file`, 'Name the inventory file itself.');
    const bytes = (await executable(file)) ? await run(file, environment) : await readFile(file);
    return { file, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    if (error instanceof Refusal) throw error;
    if (error instanceof TypeError) throw refuse(`${file} is not UTF-8 text`, 'Save it as UTF-8.');
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT'))
      throw refuse(
        `${file}${from} can't be read: ${error instanceof Error ? error.message : String(error)}`,
        'Mend that.',
      );
    throw named === undefined
      ? refuse('there is no inventory.yaml here', 'Name one with -i FILE, or let `orchestrate init` write one.')
      : refuse(`there is no ${file}${from}`, 'Name the inventory with -i FILE or ORCHESTRATE_INVENTORY.');
  }
}

const refuse = (message: string, next: string, details: readonly string[] = []): Refusal =>
  new Refusal(2, message, next, details);

const executable = (file: string): Promise<boolean> =>
  access(file, constants.X_OK).then(
    () => true,
    () => false,
  );

function run(file: string, environment: Readonly<Record<string, string | undefined>>): Promise<Buffer> {
  const options = { encoding: 'buffer', env: environment, timeout: DEADLINE, maxBuffer: 16 * 1024 * 1024 } as const;
  return new Promise((answer, fail) => {
    // Made absolute: a bare name would be looked up on PATH.
    execFile(resolve(file), [], options, (error, stdout, stderr) => {
      if (error === null) answer(stdout);
      else fail(refusalOf(file, error, stderr.toString('utf8')));
    });
  });
}

function refusalOf(file: string, error: ExecFileException, stderr: string): Refusal {
  if (error.code === 'ENOEXEC' || error.code === 'EACCES' || error.code === 'ENOENT')
    return refuse(`${file} is executable, but can't be run (${error.code})`, `If it is no program: chmod -x ${file}`);
  const how =
    error.killed === true
      ? `was ended: it ran for more than ${DEADLINE / 1000} s, or wrote more than 16 MB`
      : typeof error.code === 'number'
        ? `ended with exit code ${error.code}`
        : `ended badly (${error.signal ?? error.message})`;
  const lines = stderr.trimEnd().split('\n').slice(-20).map(printable);
  return refuse(`${file} is executable; it was run and ${how}`, 'Mend the program, or chmod -x if it is none.', lines);
}
