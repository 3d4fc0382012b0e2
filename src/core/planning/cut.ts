import type { Backend, Inventory } from '../inventory.ts';
import { batches, type Size } from '../batch.ts';
import type { Routing } from './flip.ts';
import { handFirst, inHand } from './hand.ts';

/** Batches in order, each host once. */
export type Order = readonly (readonly string[])[];

/** What a roll has in hand, as one batch (it is out already, all at once), and the others. */
export function inTwo(
  backends: readonly Backend[],
  routing: Pick<Routing, 'reasonOf'>,
): { readonly held: string[][]; readonly others: readonly Backend[] } {
  const held = backends.filter(({ name }) => inHand(routing.reasonOf(name))).map(({ name }) => name);
  const others = backends.filter(({ name }) => !held.includes(name));
  return { held: held.length === 0 ? [] : [held], others };
}

/**
 * Ways to cut a roll into batches, as it is wished first. One that goes on with what was begun may not be able to: the sizes then fall
 * on other hosts than before. It may still have the batches of before, less what is done, or one host at a time.
 */
export function orders(
  { roll, backends }: Inventory,
  touched: readonly Backend[],
  sizes: readonly Size[],
  begun: Pick<Routing, 'reasonOf' | 'unfinished'>,
): Order[] {
  const wished = batches(handFirst(touched, begun), { ...roll, batch: sizes }, backends.length);
  const { held, others } = inTwo(touched, begun);
  if (sizes.join() !== roll.batch.join() || (held.length === 0 && !begun.unfinished)) return [wished];
  const left = new Set(others.map(({ name }) => name));
  const before = batches(backends, roll).map((batch) => batch.filter((name) => left.has(name)));
  return [
    wished,
    [...held, ...before.filter((batch) => batch.length > 0)],
    [...held, ...others.map(({ name }) => [name])],
  ];
}

/** The first attempt that uses groups which Nginx has loaded; if there is none, the first. */
export function bestDeclared<W, A extends { readonly routing: Pick<Routing, 'missing'> }>(
  attempt: (way: W) => A,
  ways: readonly W[],
): A {
  const [first, ...others] = ways;
  if (first === undefined) throw new Error('there is no way to attempt');
  const wished = attempt(first);
  if (wished.routing.missing.length === 0) return wished;
  return others.map(attempt).find(({ routing }) => routing.missing.length === 0) ?? wished;
}
