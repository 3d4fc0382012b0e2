import type { Backend, Inventory } from './inventory.ts';

/** What `build.builder` is where the operator's own machine builds. No host may be called so. */
export const LOCAL = 'local';

/** Whether the operator's machine builds, and no backend. */
export const buildsHere = ({ build }: Pick<Inventory, 'build'>): boolean => build.builder === LOCAL;

/**
 * Everything on which releases lie, in a folder of the same path: the backends, and this machine where it builds. It is one without slots:
 * nothing is ever sent there.
 */
export function stores(inventory: Pick<Inventory, 'build' | 'backends'>): readonly Backend[] {
  const { backends } = inventory;
  const [first] = backends;
  if (!buildsHere(inventory) || first === undefined) return backends;
  return [...backends, { name: LOCAL, address: '127.0.0.1', ssh: first.ssh, slots: [] }];
}

/** The backend that is looked at for all of them where one says enough: the one that builds, or the first. */
export const witness = (inventory: Pick<Inventory, 'build' | 'backends'>): string =>
  buildsHere(inventory) ? (inventory.backends[0]?.name ?? '') : inventory.build.builder;
