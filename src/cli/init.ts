import { createInterface } from 'node:readline/promises';
import { Refusal } from '../core/failure.ts';
import { loadInventory } from '../open.ts';
import type { Answers } from '../core/setup-inventory.ts';
import { mayWrite, newInventory, printed, writeInventory, type AskFor, type Print } from '../verbs/init.ts';

export interface InitFlags extends Partial<Answers> {
  readonly inventory?: string;
  readonly print?: Print;
  readonly on?: string;
  readonly force?: boolean;
}

/** `orchestrate init`: writes an inventory and prints what the hosts need; with --print one text for the inventory that is there. */
export async function init(flags: InitFlags): Promise<number> {
  if (flags.print !== undefined) {
    const { inventory, file } = await loadInventory(flags.inventory);
    process.stdout.write(printed(flags.print, inventory, file, flags.on));
    return 0;
  }
  const named = flags.inventory ?? process.env['ORCHESTRATE_INVENTORY'];
  const target = named === undefined || named === '' ? 'inventory.yaml' : named;
  await mayWrite(target, flags.force === true);
  const { app, balancers, backends, host, user, configuration } = flags;
  const given = Object.fromEntries(
    Object.entries({ app, balancers, backends, host, user, configuration }).filter(([, value]) => value !== undefined),
  );
  await writeInventory(target, await newInventory(given, asker()), flags.force === true);
  const { inventory, file } = await loadInventory(target);
  process.stdout.write(`${target} is written.\n\n${printed('steps', inventory, file, undefined)}`);
  return 0;
}

/** Absent without a terminal. */
function asker(): AskFor | undefined {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return undefined;
  return async (question, usual, problem) => {
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    // Ctrl-D or Ctrl-C: a question that nobody answers any more.
    const left = new Promise<never>((_, reject) => {
      terminal.once('close', () =>
        reject(
          new Refusal(
            2,
            '\nNo inventory was written.',
            'Answer the questions, or give the flags: orchestrate init --help',
          ),
        ),
      );
    });
    left.catch(() => {});
    try {
      for (;;) {
        // oxlint-disable-next-line no-await-in-loop -- asked until it will do
        const said = (
          await Promise.race([left, terminal.question(`${question}${usual === undefined ? '' : ` [${usual}]`}: `)])
        ).trim();
        const answer = said === '' && usual !== undefined ? usual : said;
        const wrong = answer === '' ? 'an answer is needed' : problem(answer);
        if (wrong === undefined) return answer;
        process.stdout.write(`  ${wrong}\n`);
      }
    } finally {
      terminal.close();
    }
  };
}
