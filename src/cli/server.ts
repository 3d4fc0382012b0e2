import { goOn } from './asking.ts';
import type { Event } from '../core/event.ts';
import { orderSchema, type Order } from '../core/api/order.ts';
import type { JobView, Proposed } from '../core/api/views.ts';
import { Refusal } from '../core/failure.ts';
import { safeJson } from '../core/printable.ts';
import { historyLines } from '../tell/history.ts';
import { ndjson } from '../tell/ndjson.ts';
import { plain } from '../tell/plain.ts';
import { statusLines } from '../tell/status.ts';
import { windowsLines } from '../tell/windows.ts';
import { clean } from '../tell/words.ts';
import { releasesLines } from '../core/releases.ts';
import { openClient, tokenFrom, type Client } from '../serve/client/client.ts';
import { openView } from './listening.ts';

/** Commands that a service elsewhere carries out: the same words, the same picture, the same exit codes. */

export interface ServerFlags {
  readonly server?: string;
  readonly inventory?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly dryRun?: boolean;
  /** Nobody looks at what was ordered. */
  readonly detach?: boolean;
}

/** The address that was given, by flag or environment; undefined: all is done here. Throws `Refusal` (exit 2) where an inventory was given too. */
export function serverOf(flags: ServerFlags): string | undefined {
  const server = flags.server ?? process.env['ORCHESTRATE_SERVER'] ?? '';
  if (server === '') return undefined;
  if (flags.inventory !== undefined)
    throw new Refusal(
      2,
      '--server and --inventory do not go together: the inventory is the service’s.',
      'Leave one of them out.',
    );
  return server;
}

/** The service that a command is for which works with one alone. Throws `Refusal` (exit 2) where none was named. */
export function clientOf(flags: ServerFlags): Client {
  const server = serverOf(flags);
  if (server !== undefined) return openClient(server, tokenFrom(process.env));
  throw new Refusal(
    2,
    'That needs a service, and none was named.',
    'Start one where the inventory is, and name it where you are:',
    [
      'orchestrate serve --data /var/lib/orchestrate',
      'export ORCHESTRATE_SERVER=http://127.0.0.1:7260 ORCHESTRATE_TOKEN_FILE=/var/lib/orchestrate/admin.token',
    ],
  );
}

/** Flags that are part of what is ordered; all others are of this terminal. */
const ORDERED = [
  'dryRun',
  'wait',
  'adopt',
  'overwrite',
  'withoutBalancer',
  'now',
  'reason',
  'hosts',
  'zone',
  'batch',
  'ref',
  'allowMigration',
  'waitWindow',
  'linger',
  'acrossMigration',
  'steps',
  'a',
  'b',
  'share',
  'until',
  'name',
  'hold',
  'promote',
] as const;

/** What is ordered, from a command's flags and its arguments. Throws `Refusal` (exit 2). */
export function orderFrom(verb: Order['verb'], flags: object, more: object = {}): Order {
  const given = Object.entries(flags).filter(
    ([key, value]) => (ORDERED as readonly string[]).includes(key) && value !== undefined,
  );
  const next = 'then' in flags && flags.then !== undefined ? { next: flags.then } : {};
  const read = orderSchema.safeParse({ verb, ...Object.fromEntries(given), ...next, ...more });
  if (read.success) return read.data;
  const details = read.error.issues.map(({ path, message }) => `${path.map(String).join('.')}: ${message}`);
  throw new Refusal(2, `\`${verb}\` can't be ordered so.`, 'See `orchestrate --help`.', details);
}

/** Lets the service do it, after a look at its plan and a yes. Returns the exit code. */
export async function orderThere(order: Order, flags: ServerFlags): Promise<number> {
  const client = clientOf(flags);
  const json = flags.json === true;
  if (flags.dryRun === true || flags.yes !== true) {
    const { dryRun: _, ...wanted } = order;
    const proposed = await client.ask<Proposed>('POST', '/v1/plan', wanted);
    const text = json ? safeJson(proposed.plan, 2) : proposed.lines.map(clean).join('\n');
    if (flags.dryRun === true || proposed.empty) {
      process.stdout.write(`${text}\n`);
      return 0;
    }
    if (!(await agreed(text, json))) return 3;
  }
  const job = await client.ask<JobView>('POST', '/v1/jobs', order);
  if (flags.detach === true) {
    process.stdout.write(
      json ? `${safeJson(job)}\n` : `The service does it.\n  orchestrate watch ${job.id}  looks at it\n`,
    );
    return 0;
  }
  return follow(client, job.id, flags);
}

/** What a roll would do, as the service sees it. */
export async function planThere(order: Order, flags: ServerFlags): Promise<number> {
  return orderThere(order, { ...flags, dryRun: true });
}

/** Tells what a job does, until it ends. Ctrl-C leaves it at work. Returns its exit code. Rejects with what it was refused for. */
export async function follow(client: Client, job: string, flags: ServerFlags): Promise<number> {
  const view = openView(flags);
  const leave = new AbortController();
  const onSignal = (): void => leave.abort();
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  try {
    for await (const { event } of client.events(0, job, leave.signal)) {
      if (event.type !== 'ended') {
        view.tell(event);
        continue;
      }
      if (event.refusal !== undefined) {
        view.close();
        throw new Refusal(event.exit, event.refusal.message, event.refusal.next, event.refusal.details);
      }
      return event.exit;
    }
  } finally {
    view.close();
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
  process.stderr.write(
    `The service goes on with it; this terminal only looked.\n  orchestrate watch ${job}      looks again\n  orchestrate jobs stop ${job}  asks it to stop\n`,
  );
  return 130;
}

/** What the service reads of the fleet. Returns the exit code. */
export async function readThere(
  what: 'status' | 'history' | 'windows' | 'releases',
  flags: ServerFlags,
): Promise<number> {
  const found = await clientOf(flags).ask<never>('GET', `/v1/${what}`);
  const lines = { status: statusLines, history: historyLines, windows: windowsLines, releases: releasesLines }[what];
  process.stdout.write(flags.json === true ? `${safeJson(found, 2)}\n` : `${lines(found).join('\n')}\n`);
  return what === 'status' ? (found as { exit: number }).exit : 0;
}

/** `orchestrate watch [JOB]`: what jobs tell, of all of them until Ctrl-C, of one until its end. */
export async function watch(job: string | undefined, flags: ServerFlags): Promise<number> {
  const client = clientOf(flags);
  if (job !== undefined) return follow(client, job, flags);
  const write = (text: string): void => void process.stdout.write(text);
  const tell: (event: Event) => void = flags.json === true ? ndjson(write) : plain(write, flags.verbose === true);
  const leave = new AbortController();
  process.once('SIGINT', () => leave.abort());
  for await (const { event, job: id } of client.events(undefined, undefined, leave.signal))
    if (event.type !== 'ended') tell(event);
    else
      write(
        flags.json === true
          ? `${safeJson({ job: id, ...event })}\n`
          : `${event.at.slice(11, 19)}  the job ${id} has ended: exit ${event.exit}\n`,
      );
  return 0;
}

async function agreed(text: string, json: boolean): Promise<boolean> {
  if (json || !process.stdin.isTTY || !process.stdout.isTTY)
    throw new Refusal(
      2,
      'There is nobody to ask: this is not a terminal.',
      'Look at the plan with --dry-run, then give --yes.',
    );
  process.stdout.write(`${text}\n`);
  return goOn();
}
