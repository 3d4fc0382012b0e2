import type { Event } from '../core/event.ts';
import type { FleetView } from '../core/fleet.ts';
import type { Plan } from '../core/plan.ts';
import { clean, safeJson } from '../core/printable.ts';
import { sentences } from '../core/sentences.ts';
import { Refusal } from '../core/failure.ts';
import { duration } from '../core/inventory/values.ts';
import { ndjson } from '../tell/ndjson.ts';
import { plain } from '../tell/plain.ts';
import { live } from '../tell/live.ts';
import { openBeside } from '../beside.ts';
import { change, type Change, type ChangeOptions } from '../change.ts';
import { open, type Opened } from '../open.ts';
import { goOn } from './asking.ts';
import { listenToSignals } from './signals.ts';
import { onBalancers, withoutBalancers, type BalancerFlags } from '../verbs/balancers.ts';

/** What every command that changes something takes. */
export interface ChangingFlags extends BalancerFlags {
  readonly inventory?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly wait?: string;
  readonly waitWindow?: boolean;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

export interface Listening {
  readonly listener: (event: Event) => void;
  readonly options: ChangeOptions;
  readonly close: () => void;
}

type Made = Change | { readonly change: Change; readonly seen: FleetView };

/** A fleet on which one thing after the other is done: each is told by a listener of its own. */
export interface Session {
  readonly opened: Opened;
  /** Runs a change with the listener that fits. Returns the exit code. */
  readonly change: (make: () => Promise<Made>, more?: Partial<ChangeOptions>) => Promise<number>;
  /** Does what changes nothing. */
  readonly listen: <T>(work: (listening: Listening) => Promise<T>) => Promise<T>;
}

/** Opens the fleet, runs a change with the listener that fits, and closes everything. Returns the exit code. */
export const runChange = (flags: ChangingFlags, make: (opened: Opened) => Promise<Made>): Promise<number> =>
  withFleet(flags, ({ opened, change: run }) => run(() => make(opened)));

/** Opens the fleet, does what is to be done, and closes everything. */
export async function withFleet<T>(flags: ChangingFlags, work: (session: Session) => Promise<T>): Promise<T> {
  let tell: ((event: Event) => void) | undefined;
  const heard = async <R>(part: (listening: Listening) => Promise<R>): Promise<R> => {
    const listening = listen(flags);
    tell = listening.listener;
    try {
      return await part(listening);
    } finally {
      listening.close();
    }
  };
  const whole = await open(flags.inventory, (event) => tell?.(event));
  try {
    const opened = withoutBalancers(whole, flags);
    return await work({
      opened,
      listen: heard,
      change: (make, more) =>
        heard(async ({ listener, options }) => {
          const beside = openBeside(opened, options.stop);
          tell = (event) => {
            listener(event);
            beside.tell(event);
          };
          try {
            const made = await make();
            const [wanted, seen] = 'seen' in made ? [made.change, made.seen] : [made];
            const how = { ...options, before: beside.before, ...more };
            return await change(opened, onBalancers(opened, wanted, flags), how, seen);
          } finally {
            await beside.end();
          }
        }),
    });
  } finally {
    await whole.close();
  }
}

const write = (text: string): void => void process.stdout.write(text);

/** What shows events where the output goes: NDJSON if asked, a live picture on a terminal, timed lines everywhere else. */
export function openView(flags: Pick<ChangingFlags, 'json' | 'verbose'>): {
  readonly tell: (event: Event) => void;
  readonly close: () => void;
} {
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
      })
    : undefined;
  const tell = view?.tell ?? (flags.json === true ? ndjson(write) : plain(write, flags.verbose === true));
  return { tell, close: () => view?.close() };
}

/** The listener that fits, and what a person may say meanwhile. */
function listen(flags: ChangingFlags): Listening {
  const view = openView(flags);
  const { tell } = view;
  const signals = listenToSignals(
    (text) => tell({ at: new Date().toISOString(), type: 'note', text }),
    (lines) => {
      view.close();
      process.stderr.write(`${lines.map(clean).join('\n')}\n`);
    },
  );
  const wait = waitOf(flags.wait);
  return {
    listener: (event) => {
      signals.tell(event);
      tell(event);
    },
    options: {
      dryRun: flags.dryRun === true,
      yes: flags.yes === true,
      ...(wait === undefined ? {} : { wait }),
      waitsForWindow: flags.waitWindow === true,
      show: (plan) => show(plan, flags.json === true),
      stop: signals.stop,
      ...(process.stdin.isTTY && process.stdout.isTTY && flags.json !== true ? { ask } : {}),
    },
    close: () => {
      view.close();
      signals.close();
    },
  };
}

/** Milliseconds. Throws `Refusal` (exit 2). */
function waitOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const read = duration.safeParse(text);
  if (read.success) return read.data;
  throw new Refusal(2, `--wait ${text}: ${read.error.issues[0]?.message ?? 'is no time'}`, 'Write --wait 30s, or 10m.');
}

/** A plan on standard output: sentences, or JSON. */
function show(plan: Plan, json: boolean): void {
  write(json ? `${safeJson(plan, 2)}\n` : `${sentences(plan).join('\n')}\n`);
}

function ask(plan: Plan): Promise<boolean> {
  show(plan, false);
  return goOn();
}
