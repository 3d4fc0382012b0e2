import type { Backend, Inventory } from './inventory.ts';
import type { GenerationRecord } from './record.ts';

/** Whether the next release can be started beside the one that serves. */
export const hasTwo = ({ slots }: Backend): boolean => slots.length > 1;

/** What a second application may come to take, of what the one that serves does now: both have been started at different times. */
export const SECOND = 1.3;

/** The names of the backends that have two slots. */
export const beside = ({ backends }: Inventory): ReadonlySet<string> =>
  new Set(backends.filter(hasTwo).map(({ name }) => name));

/** The names of the backends whose second slot serves, by a record. */
export function secondOf({ backends: known }: Pick<GenerationRecord, 'backends'>, inventory: Inventory): Set<string> {
  const two = inventory.backends.filter(hasTwo);
  return new Set(two.filter(({ name, slots }) => known[name]?.slot === slots[1]).map(({ name }) => name));
}

/** The port that is meant of a backend: its only one, or with two slots the second one where that is said. */
export function portOf(backend: Backend, second: boolean): number {
  const port = second ? (backend.slots[1] ?? backend.slots[0]) : backend.slots[0];
  if (port === undefined) throw new Error(`${backend.name} has no slot`);
  return port;
}
