import { createInterface } from 'node:readline/promises';
import type { Event } from '../core/event.ts';
import type { Plan } from '../core/plan.ts';
import { sentences } from '../core/sentences.ts';
import { ndjson } from '../tell/ndjson.ts';
import { plain } from '../tell/plain.ts';
import { live } from '../tell/live.ts';
import { change, type Change, type ChangeOptions } from '../change.ts';
import { open, type Opened } from '../open.ts';
import { onBalancers, withoutBalancers, type BalancerFlags } from '../verbs/balancers.ts';

/** What every command that changes something takes. */
export interface ChangingFlags extends BalancerFlags {
  readonly inventory?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

export interface Listening {
  readonly listener: (event: Event) => void;
  readonly options: ChangeOptions;
  readonly close: () => void;
}

/** Opens the fleet, runs a change with the listener that fits, and closes everything. Returns the exit code. */
export async function runChange(flags: ChangingFlags, make: (opened: Opened) => Promise<Change>): Promise<number> {
  const listening = listen(flags);
  try {
    const whole = await open(flags.inventory, listening.listener);
    try {
      const opened = withoutBalancers(whole, flags);
      return await change(opened, onBalancers(opened, await make(opened), flags), listening.options);
    } finally {
      await whole.close();
    }
  } finally {
    listening.close();
  }
}

const write = (text: string): void => void process.stdout.write(text);

/** The listener that fits where the output goes: NDJSON if asked, a live picture on a terminal, timed lines everywhere else. `footer` adds lines to the picture. */
function listen(flags: ChangingFlags, footer?: () => readonly string[]): Listening {
  const stop = new AbortController();
  const picture =
    process.stdout.isTTY &&
    flags.json !== true &&
    flags.verbose !== true &&
    process.env['CI'] === undefined &&
    process.env['TERM'] !== 'dumb';
  const view = picture
    ? live({
        write,
        columns: () => process.stdout.columns,
        rows: () => process.stdout.rows,
        ticks: () => performance.now(),
        colour: process.env['NO_COLOR'] === undefined,
        ...(footer === undefined ? {} : { footer }),
      })
    : undefined;
  const listener = view?.tell ?? (flags.json === true ? ndjson(write) : plain(write, flags.verbose === true));
  const interrupted = (signal: NodeJS.Signals): void => {
    if (!stop.signal.aborted)
      listener({
        at: new Date().toISOString(),
        type: 'note',
        text: 'Stopping: what is in hand is finished, then the fleet is put back on one version.',
      });
    stop.abort(signal);
  };
  process.on('SIGINT', interrupted).on('SIGTERM', interrupted);
  return {
    listener,
    options: {
      dryRun: flags.dryRun === true,
      yes: flags.yes === true,
      show: (plan) => show(plan, flags.json === true),
      stop: stop.signal,
      ...(process.stdin.isTTY && process.stdout.isTTY && flags.json !== true ? { ask } : {}),
    },
    close: () => {
      view?.close();
      process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    },
  };
}

/** A plan on standard output: sentences, or JSON. */
function show(plan: Plan, json: boolean): void {
  write(json ? `${JSON.stringify(plan, null, 2)}\n` : `${sentences(plan).join('\n')}\n`);
}

async function ask(plan: Plan): Promise<boolean> {
  show(plan, false);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await terminal.question('Go on? [y/N] ');
    return /^(y|yes)$/i.test(answer.trim());
  } catch (error) {
    // Ctrl-C or Ctrl-D: a no.
    if (error instanceof Error && error.name === 'AbortError') return false;
    throw error;
  } finally {
    terminal.close();
  }
}
