import { ending, Refusal, tail } from '../core/failure.ts';
import { fullest, readList, readTold, union, type History, type Told, type Unasked } from '../core/history.ts';
import { succeeded } from '../core/outcome.ts';
import { ConnectError } from '../fleet/ports.ts';
import type { Opened } from '../open.ts';
import { eachHost } from '../roll.ts';

const DEADLINE = 30_000;
/** More than any balancer keeps. */
const MOST = 1000;

/** The newest commands of which any balancer that can be reached knows. Rejects with `Refusal` (exit 4) when none can be. */
export async function listHistory(opened: Opened, limit: number): Promise<History> {
  const most = String(Math.min(limit, MOST));
  const { answers, unasked } = await askAll(opened, ['list', opened.inventory.nginx.folder, most]);
  const commands = union(
    answers.map(({ balancer, stdout }) => readList(stdout, balancer)),
    limit,
  );
  return { app: opened.inventory.app, commands, unasked };
}

/** One command, from the balancer that knows most of it. Rejects with `Refusal` (exit 4) when none can be reached, (exit 2) when none knows it. */
export async function showHistory(
  opened: Opened,
  number: number,
): Promise<Told & { readonly unasked: readonly Unasked[] }> {
  const name = String(number).padStart(6, '0');
  const { answers, unasked } = await askAll(opened, ['show', opened.inventory.nginx.folder, name]);
  const told = fullest(answers.flatMap(({ balancer, stdout }) => readTold(stdout, number, balancer) ?? []));
  if (told !== undefined) return { ...told, unasked };
  throw new Refusal(
    2,
    `The history has no command ${number}.`,
    '`orchestrate history` lists those that it has: the newest 100, of which only what changed something.',
    unasked.map(({ balancer, reason }) => `${balancer} could not be asked: ${reason}`),
  );
}

async function askAll(
  opened: Opened,
  args: readonly string[],
): Promise<{ answers: { balancer: string; stdout: string }[]; unasked: Unasked[] }> {
  const { inventory } = opened;
  const asked = await eachHost(inventory.balancers, inventory.ssh.concurrency, ({ name }) => ask(opened, name, args));
  const answers = asked.flatMap((each) => ('stdout' in each ? [each] : []));
  const unasked = asked.flatMap((each) => ('reason' in each ? [each] : []));
  if (answers.length > 0) return { answers, unasked };
  throw new Refusal(
    4,
    'No balancer could be asked: the history is kept there.',
    'Mend what stands above; `orchestrate check` tells more.',
    unasked.map(({ balancer, reason }) => `${balancer}: ${reason}`),
  );
}

async function ask(
  { remote, script }: Opened,
  balancer: string,
  args: readonly string[],
): Promise<{ balancer: string; stdout: string } | Unasked> {
  const call = { host: balancer, name: 'orchestrate-history', text: script('history'), args, deadline: DEADLINE };
  try {
    const outcome = await remote.run(call);
    if (succeeded(outcome)) return { balancer, stdout: outcome.stdout };
    return { balancer, reason: tail(outcome.stderr, 1)[0] ?? `looking at its history ${ending(outcome)}` };
  } catch (error) {
    if (error instanceof ConnectError) return { balancer, reason: error.message };
    throw error;
  }
}
