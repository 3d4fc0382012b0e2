import type { FleetView } from './core/fleet.ts';
import type { Backend } from './core/inventory.ts';
import { viewOf } from './core/view.ts';
import { observe } from './observe.ts';
import type { Opened } from './open.ts';

/** What is so on the whole fleet; `backends`: on the balancers and these alone. */
export async function lookAt(
  { inventory, remote, probe, configuration, seal }: Opened,
  backends: readonly Backend[] = inventory.backends,
): Promise<FleetView> {
  const facts = await observe({ ...inventory, backends }, remote, probe, configuration([]));
  return viewOf(inventory, facts, configuration, seal?.close);
}
