import type { HostSummary } from './core/event.ts';
import { newestRecord, type FleetView } from './core/fleet.ts';
import type { Plan } from './core/plan.ts';
import { runs } from './core/planning/prevailing.ts';
import type { Opened } from './open.ts';

/** Exit codes of a command that a signal stopped. */
export const SIGNAL_EXIT: Readonly<Record<string, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/** The exit code of a command that was stopped: `stop` has the signal's name as its reason. */
export const signalExit = (stop: AbortSignal): number => SIGNAL_EXIT[String(stop.reason)] ?? 130;

/** Tells who is in rotation. */
export function emitRotation(opened: Opened, view: FleetView): void {
  const record = newestRecord(view);
  const names = opened.inventory.backends.map(({ name }) => name);
  const out = names.filter((name) => record?.backends[name]?.rotation === 'out');
  opened.emit({ type: 'rotation', in: names.filter((name) => !out.includes(name)), out });
}

/** How each backend is when a command ends. */
export function hostSummaries(opened: Opened, view: FleetView): HostSummary[] {
  const record = newestRecord(view);
  return opened.inventory.backends.map(({ name }): HostSummary => {
    const seen = view.backends[name];
    const known = record?.backends[name];
    const note = seen?.kind === 'unreachable' ? 'unreachable' : known?.rotation === 'out' ? known.reason : undefined;
    return {
      host: name,
      release: runs(view, name),
      rotation: known?.rotation ?? 'unknown',
      out: opened.outTimes.of(name),
      ...(note === undefined ? {} : { note }),
    };
  });
}

/** The last sentence of a command: how it ended, and how to go on where it is not over. */
export function sentenceOf(exit: number, plan: Plan, view: FleetView): string {
  const open = view.begun === null ? '' : '; `orchestrate resume` goes on, `orchestrate rollback` goes back';
  const left = view.begun === null ? '' : `; \`${view.begun.command}\` is not finished${open}`;
  if (exit === 0)
    return plan.phases.some(({ name }) => name === 'batch')
      ? `Done: ${plan.title}; the last batch was not judged, there was nothing left to compare it with${left}`
      : `Done: ${plan.title}${left}`;
  if (exit === 4)
    return `NOT FINISHED: the fleet is as listed above${open === '' ? '; `orchestrate status` tells more' : open}`;
  if (exit === 3) return `Refused: ${plan.title}; nothing was changed`;
  if (Object.values(SIGNAL_EXIT).includes(exit)) return `STOPPED: the fleet is as listed above${open}`;
  return `Not done: ${plan.title}; the fleet is on one version, as listed above`;
}
