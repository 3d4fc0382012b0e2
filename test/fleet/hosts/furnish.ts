import type { Inventory } from '../../../src/core/inventory.ts';
import { furnishBackend } from './backend.ts';
import { furnishBalancer, type Certificate } from './balancer.ts';
import type { Disk } from './disk.ts';

export interface Site {
  readonly inventory: Inventory;
  readonly tls: Certificate | null;
  /** What stands in the application's shared/env. */
  readonly environment: Readonly<Record<string, string>>;
  readonly umask: string;
}

/** What an administrator does on a new host, for what the inventory has it be: a balancer, a backend, or both. */
export async function furnish(disk: Disk, name: string, site: Site): Promise<void> {
  const { inventory, tls, environment, umask } = site;
  const balancer = inventory.balancers.find((host) => host.name === name);
  const backend = inventory.backends.find((host) => host.name === name);
  const known = [...inventory.balancers, ...inventory.backends].map((host) => `${host.address} ${host.name}\n`);
  await disk.file('etc/hosts', `127.0.0.1 localhost\n${[...new Set(known)].join('')}`);
  const [balances, serves] = [balancer, backend].map((found) => (found === undefined ? 'no' : 'yes'));
  // start.sh reads it.
  await disk.file('etc/fleet/settings', `balancer=${balances} backend=${serves} umask=${umask}\n`);
  if (balancer !== undefined) await furnishBalancer(disk, inventory, tls);
  if (backend !== undefined) await furnishBackend(disk, inventory, backend, environment);
}
