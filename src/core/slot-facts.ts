import { RELEASE_NAME } from './release.ts';

/** What serves one port of a backend. */
export interface SlotFacts {
  readonly port: number;
  /** What its link names, as written; null: there is none. */
  readonly link: string | null;
  /** The release that a start now would serve, links followed. */
  readonly serves: string | null;
  /** The wrapper's process id. */
  readonly wrapper: number | null;
  /** The process in the pid file, if it is alive. */
  readonly master: ProcessFacts | null;
  readonly workers: readonly ProcessFacts[];
  readonly command: string | null;
  /** What makes it import code by way of the link `current`. */
  readonly through: readonly string[];
  /** Whether anything listens on the port. */
  readonly listening: boolean;
  /** Until when what served there before runs on: in that boot, and seconds since it; null: it does not linger. */
  readonly linger: { readonly boot: string; readonly until: number } | null;
}

export interface ProcessFacts {
  readonly pid: number;
  /** Seconds from boot to its start. */
  readonly start: number;
  /** null: it may not be read, so that the process is another user's. */
  readonly cwd: string | null;
}

/** Linux tells times of processes in hundredths of a second, whatever the kernel's own clock. */
const TICKS = 100;

/** The slots are all ports that any line names, in the order of their first. */
export function slotsOf(
  lines: readonly (readonly [string, string])[],
  root: string,
  current: string | null,
): SlotFacts[] {
  const slots = new Map<number, SlotFacts>();
  for (const [key, value] of lines) {
    if (!['slot', 'wrapper', 'listening', 'master', 'worker', 'command', 'through', 'linger'].includes(key)) continue;
    const [, digits, rest = ''] = /^(\d{1,5})(?: (.*))?$/.exec(value) ?? [];
    if (digits === undefined) continue;
    const port = Number(digits);
    const slot = slots.get(port) ?? { port, ...SILENT };
    slots.set(port, { ...slot, ...told(slot, key, rest, root, current) });
  }
  return [...slots.values()];
}

const SILENT: Omit<SlotFacts, 'port'> = {
  link: null,
  serves: null,
  wrapper: null,
  master: null,
  workers: [],
  command: null,
  through: [],
  listening: false,
  linger: null,
};

function told(slot: SlotFacts, key: string, rest: string, root: string, current: string | null): Partial<SlotFacts> {
  switch (key) {
    case 'slot': {
      const serves =
        rest === '../current' || rest === `${root}/current`
          ? current
          : linkedRelease(rest.replace(/^\.\.\//, ''), root);
      return { link: rest, serves };
    }
    case 'wrapper':
      return { wrapper: number(rest) };
    case 'master':
      return { master: processOf(rest) };
    case 'worker': {
      const worker = processOf(rest);
      return worker === null ? {} : { workers: [...slot.workers, worker] };
    }
    case 'command':
      return { command: rest.trimEnd() };
    case 'through':
      return { through: [...slot.through, rest] };
    case 'linger': {
      const [, boot, until] = /^(\S{1,64}) (\d{1,12})$/.exec(rest) ?? [];
      return boot === undefined ? {} : { linger: { boot, until: Number(until) } };
    }
    default:
      return { listening: true };
  }
}

function processOf(text: string): ProcessFacts | null {
  const [, pid, start, cwd] = /^(\d{1,10}) (\d{1,15}) (-|\/.*)$/.exec(text) ?? [];
  return pid === undefined
    ? null
    : { pid: Number(pid), start: Number(start) / TICKS, cwd: cwd === '-' ? null : (cwd ?? null) };
}

/** The release that a link in root names; null: something else. */
export function linkedRelease(target: string, root: string): string | null {
  const inside = target.startsWith(`${root}/`) ? target.slice(root.length + 1) : target;
  const name = inside.replace(/^\.\//, '').replace(/\/$/, '');
  return RELEASE_NAME.test(name) ? name : null;
}

const number = (text: string | null): number | null =>
  text !== null && /^\d{1,15}(\.\d+)?$/.test(text) ? Number(text) : null;

interface Running {
  readonly root: { readonly path: string };
  readonly slots: readonly SlotFacts[];
}

/**
 * The release that the processes of a slot really run, told by their working folder and not by any link. null: nothing runs. `unsure`:
 * the folder does not tell it, since it is no release's, is another user's, differs between the processes, or the code is imported by
 * way of `current`; or something else listens on the port.
 */
export function runningRelease(facts: Running, port: number): string | null {
  const slot = facts.slots.find((each) => each.port === port);
  if (slot === undefined) return null;
  const { master, workers, through, listening } = slot;
  if (master === null) return listening ? 'unsure' : null;
  if (through.length > 0) return 'unsure';
  const [release, ...others] = new Set([master, ...workers].map(({ cwd }) => releaseOf(cwd, facts.root.path)));
  return others.length > 0 || release === undefined || release === null ? 'unsure' : release;
}

function releaseOf(cwd: string | null, root: string): string | null {
  if (cwd?.startsWith(`${root}/`) !== true) return null;
  const inside = cwd.slice(root.length + 1).replace(/ \(deleted\)$/, '');
  const name = inside.split('/', 1)[0] ?? '';
  return RELEASE_NAME.test(name) ? name : null;
}

/** Seconds for which what served on a slot before still runs on; 0: its time is over, or the host has booted since; null: it does not linger. */
export function lingering(
  { linger }: SlotFacts,
  { boot, uptime }: { readonly boot: string; readonly uptime: number },
): number | null {
  if (linger === null) return null;
  return linger.boot === boot ? Math.max(0, linger.until - uptime) : 0;
}
