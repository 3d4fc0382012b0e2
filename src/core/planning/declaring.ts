import type { Inventory } from '../inventory.ts';
import type { FleetView } from '../fleet.ts';
import type { Phase } from '../plan.ts';
import type { Group } from '../routing/groups.ts';
import type { Routing } from './flip.ts';
import { refused, type Planned } from './refusal.ts';

export interface Goal {
  readonly title: string;
  readonly from?: string | null;
  readonly to?: string;
}

/**
 * Makes a plan of phases: what they use must be declared in the configuration that Nginx has loaded, on every balancer, or be declared first
 * (`managed`), or the plan is refused with the way out (`fixed`).
 */
export function declaring(
  inventory: Inventory,
  view: FleetView,
  routing: Routing,
  goal: Goal,
  phases: readonly Phase[],
  notes: readonly string[],
): Planned {
  const missing = undeclared(view, routing.groups);
  if (missing.length > 0 && inventory.nginx.configuration === 'fixed')
    return refused(
      `Nginx has not loaded the groups that this needs, and nginx.configuration is \`fixed\`: nothing was changed.`,
      `Let an administrator install the file that \`orchestrate init --print upstream\` prints as ${inventory.nginx.file}, test it and reload Nginx.`,
      missing.slice(0, 10),
    );
  return { kind: 'planned', plan: { version: 1, app: inventory.app, ...goal, phases, notes } };
}

/** `lb1: out-web1--web3`, for each group that a balancer has not loaded as the inventory wants it. */
function undeclared(view: FleetView, groups: readonly Group[]): string[] {
  return Object.entries(view.balancers).flatMap(([host, balancer]) =>
    balancer.kind === 'seen'
      ? groups.filter((group) => !balancer.declares(group)).map(({ name }) => `${host}: ${name}`)
      : [],
  );
}
