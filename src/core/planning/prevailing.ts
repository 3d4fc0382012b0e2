import { newestRecord, type FleetView } from '../fleet.ts';
import { outOf } from '../record.ts';

/** The release that most of the backends in rotation run, or, where those tell nothing, most of all. null: none runs any. */
export function prevailing(view: FleetView, without: readonly string[] = []): string | null {
  return most(view, inRotation(view, without)) ?? most(view, Object.keys(view.backends));
}

/**
 * What to go back to if a switch to `to` fails: what most of the others in rotation run; where all there run `to` already, what an
 * unfinished roll came from. What stands aside decides only where nothing serves.
 */
export function origin(view: FleetView, to: string): string | null {
  const serving = inRotation(view);
  return (
    most(view, serving, to) ??
    view.begun?.from ??
    most(view, serving) ??
    most(view, Object.keys(view.backends), to) ??
    most(view, Object.keys(view.backends))
  );
}

/** The release that a backend is known to run; null: none, or it can't be told. */
export function runs(view: FleetView, name: string): string | null {
  const seen = view.backends[name];
  return seen?.kind === 'seen' ? runsOn(view, name, seen.slot) : null;
}

/** The same of one of its slots. */
export function runsOn({ backends }: FleetView, name: string, port: number): string | null {
  const seen = backends[name];
  if (seen?.kind !== 'seen') return null;
  const running = port === seen.slot ? seen.running : (seen.slots.find((slot) => slot.port === port)?.running ?? null);
  return running === 'unsure' ? null : running;
}

function inRotation(view: FleetView, without: readonly string[] = []): string[] {
  const record = newestRecord(view);
  const out = new Set([...(record === null ? [] : outOf(record)), ...without]);
  // What no record knows was never sent to.
  return Object.keys(view.backends).filter((name) => !out.has(name) && (record === null || name in record.backends));
}

function most(view: FleetView, names: readonly string[], but?: string): string | null {
  const running = names.map((name) => runs(view, name)).filter((release) => release !== null && release !== but);
  const groups = [...Map.groupBy(running, (release) => release ?? '')];
  return groups.toSorted(([a, n], [b, m]) => m.length - n.length || (a < b ? -1 : 1))[0]?.[0] ?? null;
}
