import { access, constants, readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { missing, note, ok, type Check } from '../core/checks.ts';
import { succeeded } from '../core/outcome.ts';
import { runHere } from '../fleet/here.ts';
import { quote } from '../fleet/quote.ts';
import type { Opened } from '../open.ts';

const DEADLINE = 10_000;

/** Whether the programs of the hooks and the keys of the webhooks are there. Runs no hook, and sends nothing. */
export async function toldChecks(opened: Opened): Promise<Check[]> {
  const { hooks, notify } = opened.inventory;
  const folder = resolve(dirname(opened.file));
  const commands = (['before_roll', 'after_batch', 'after_roll', 'on_failure'] as const).flatMap((hook) =>
    hooks[hook].map((command) => ({ hook, command })),
  );
  const checks = await Promise.all([
    ...commands.map(({ hook, command }) => hookCheck(hook, command, folder)),
    ...notify.map((each, index) => (each.secret_file === undefined ? [] : secretCheck(index, each.secret_file))),
  ]);
  return checks.flat();
}

async function hookCheck(hook: string, command: string, folder: string): Promise<Check[]> {
  const program = programOf(command);
  if (program === undefined) return [note(`hooks.${hook}: \`${command}\` can't be looked at without running it`)];
  if (await isThere(program, folder)) return [ok(`hooks.${hook}: ${program} is there`)];
  return [
    missing(
      `hooks.${hook}: ${program} is not there${program.includes('/') ? `, or is not executable (seen from ${folder})` : ''}`,
      `mend hooks.${hook} in the inventory, or put ${program} there`,
    ),
  ];
}

/** The first word of a command that is no assignment, if it is a plain one. */
function programOf(command: string): string | undefined {
  const word = command.split(/\s+/).find((each) => !/^[A-Za-z_]\w*=[\w./:@%+,-]*$/.test(each));
  return word !== undefined && /^(?!-)[\w./:@%+,[-]+$/.test(word) ? word : undefined;
}

async function isThere(program: string, folder: string): Promise<boolean> {
  if (program.includes('/'))
    return access(resolve(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    );
  // What sh has in itself counts too.
  const outcome = await runHere({
    command: `command -v ${quote(program)}`,
    folder,
    environment: process.env,
    deadline: DEADLINE,
    onLine: () => {},
  });
  return succeeded(outcome);
}

async function secretCheck(index: number, file: string): Promise<Check[]> {
  const key = `notify[${index}].secret_file`;
  const mend = `head -c 32 /dev/urandom | base64 >${quote(file)} && chmod 600 ${quote(file)}, and give the receiver the same`;
  try {
    const text = await readFile(file, 'utf8');
    return [text.trim() === '' ? missing(`${key}: ${file} is empty`, mend) : ok(`${key}: ${file} is there`)];
  } catch {
    return [missing(`${key}: ${file} can't be read`, mend)];
  }
}
