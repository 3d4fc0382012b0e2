import type { Backend, Inventory } from '../inventory.ts';
import { idleOf, newestRecord, type FleetView } from '../fleet.ts';
import { hasTwo, portOf } from '../slots.ts';
import type { Order } from './cut.ts';
import { runs } from './prevailing.ts';

/** How a backend comes to serve a release. */
export interface Way {
  /** The port of the slot that is to serve it. */
  readonly port: number;
  /** It is another than the one that serves: the backend need not leave rotation, it moves over. */
  readonly over: boolean;
  /** The release runs there already, and was started by its link: to serve it, no process has to end. */
  readonly ready: boolean;
}

/**
 * The one rule for all backends: a process is ended only in a slot to which nothing is sent. Where that is the slot that serves (the only
 * one, or one that runs the release already and is out), the backend leaves rotation for it; else the release is started on the other slot
 * before anything is sent there, and the backend moves over with a flip.
 */
export function wayTo(view: FleetView, backend: Backend, release: string): Way {
  const seen = view.backends[backend.name];
  const slot = slotOf(view, backend);
  const idle = idleOf(seen);
  const now = runs(view, backend.name);
  // On a host where nothing ever ran the release comes to the first slot: nobody is served there whom it could be beside.
  const empty = newestRecord(view) === null && now === null && idle?.running == null;
  if (idle === undefined || now === release || empty) return { port: slot, over: false, ready: false };
  return { port: idle.port, over: true, ready: idle.running === release && idle.link === release };
}

/** Those of the backends that move over to a release, with their ways. */
export function movingOver(
  { backends }: Inventory,
  view: FleetView,
  names: readonly string[],
  release: string,
): ReadonlyMap<string, Way> {
  const ways = backends
    .filter((backend) => names.includes(backend.name) && hasTwo(backend))
    .map((backend) => [backend.name, wayTo(view, backend, release)] as const);
  return new Map(ways.filter(([, { over }]) => over));
}

/** The port of the slot that serves. */
export function slotOf(view: FleetView, backend: Backend): number {
  const seen = view.backends[backend.name];
  return seen?.kind === 'seen' ? seen.slot : portOf(backend, false);
}

type Cut = (backends: readonly Backend[]) => readonly Order[];

/** Ways to cut backends into batches in which all that are ready move over together, with the first flip: to go back takes no time then. */
export function atOnce(backends: readonly Backend[], over: ReadonlyMap<string, Way>, others: Cut): readonly Order[] {
  return first(backends, (name) => over.get(name)?.ready === true, others);
}

/** The same with all that move over, whether ready or not: from where a walk has come to, straight to one of its ends. */
export function together(backends: readonly Backend[], over: ReadonlyMap<string, Way>, others: Cut): readonly Order[] {
  return first(backends, (name) => over.has(name), others);
}

function first(backends: readonly Backend[], chosen: (name: string) => boolean, others: Cut): readonly Order[] {
  const batch = names(backends).filter(chosen);
  const rest = others(backends.filter(({ name }) => !batch.includes(name)));
  return batch.length === 0 ? rest : rest.map((order) => [batch, ...order]);
}

export const names = (backends: readonly Backend[]): string[] => backends.map(({ name }) => name);
