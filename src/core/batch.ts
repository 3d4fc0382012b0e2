import type { Backend, Inventory } from './inventory.ts';
import { countOf } from './inventory/count.ts';

/** A count of hosts, or a share of the whole fleet. */
export type Size = Inventory['roll']['batch'][number];

/**
 * The batches of a roll, in order, each as names in the order of the inventory: every backend once.
 * With `order: zones` a batch never holds hosts of two zones, so that what is lost with a batch is lost in one zone: zones come
 * in the order in which the inventory first names them, hosts without a zone are a zone of their own, and a batch that the
 * end of a zone cuts short is not filled up. Sizes are used one a batch; the last one repeats.
 * @param backends those to roll, perhaps fewer than the fleet
 * @param fleet hosts in the whole fleet, of which shares are counted
 */
export function batches(
  backends: readonly Backend[],
  roll: Pick<Inventory['roll'], 'batch' | 'order'>,
  fleet: number = backends.length,
): string[][] {
  const zones = roll.order === 'zones' ? [...Map.groupBy(backends, (backend) => backend.zone).values()] : [backends];
  const found: string[][] = [];
  for (const zone of zones) {
    let from = 0;
    while (from < zone.length) {
      const size = countOf(roll.batch[found.length] ?? roll.batch.at(-1) ?? 1, fleet);
      found.push(zone.slice(from, from + size).map((backend) => backend.name));
      from += size;
    }
  }
  return found;
}
