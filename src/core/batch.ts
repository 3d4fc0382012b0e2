import type { Backend, Inventory } from './inventory.ts';

/** A count of hosts, or a share of the whole fleet. */
export type Size = Inventory['roll']['batch'][number];

/** How many hosts a size means in a fleet of `fleet` hosts: a share is rounded up, and the answer is never below 1. */
export function sizeOf(size: Size, fleet: number): number {
  // In integers: 0.07 * 100 is a little over 7, and rounding that up would make 8 of it.
  const hosts = typeof size === 'number' ? size : Math.ceil((Number(size.slice(0, -1)) * fleet) / 100);
  return Math.max(1, Math.floor(hosts));
}

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
      const size = sizeOf(roll.batch[found.length] ?? roll.batch.at(-1) ?? 1, fleet);
      found.push(zone.slice(from, from + size).map((backend) => backend.name));
      from += size;
    }
  }
  return found;
}
