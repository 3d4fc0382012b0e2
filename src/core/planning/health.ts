import type { Backend, Inventory } from '../inventory.ts';
import type { FleetView } from '../fleet.ts';
import { seenBalancers } from '../fleet.ts';
import type { Phase, ProbeStep, Step } from '../plan.ts';
import { applicationLogs } from '../service.ts';
import { hasTwo } from '../slots.ts';
import { listed } from './listed.ts';
import { slotOf } from './moving.ts';

/** The look at backends that are to come back into rotation with what they run; none where there are none. */
export function seenHealthy(inventory: Inventory, view: FleetView, coming: readonly string[]): Phase[] {
  if (coming.length === 0) return [];
  return [
    {
      name: 'health',
      title: `see that ${listed(coming)} ${coming.length === 1 ? 'is' : 'are'} healthy`,
      tracks: inventory.backends
        .filter(({ name }) => coming.includes(name))
        .map((backend) => ({ host: backend.name, steps: health(inventory, view, backend) })),
    },
  ];
}

/**
 * Healthy as seen from each balancer, then the first requests made where no user waits for them. `port`: of another slot than the one that
 * serves.
 */
export function health(
  inventory: Inventory,
  view: FleetView,
  backend: Backend,
  port: number = slotOf(view, backend),
): Step[] {
  const { health: wanted, service } = inventory;
  const common = asked(inventory, view, backend, port);
  return [
    look(inventory, view, backend, port),
    ...wanted.warm.map((path): ProbeStep => ({
      ...common,
      say: `warm ${backend.name} up: ${path}`,
      through: common.through.slice(0, 1),
      path,
      status: 'any',
      consecutive: 1,
      parallel: workers(service.command) * 2,
      timeout: wanted.deadline,
      deadline: wanted.deadline,
    })),
  ];
}

/** Healthy as seen from each balancer; `once`: one right answer will do, of what was seen so before. */
export function look(
  inventory: Inventory,
  view: FleetView,
  backend: Backend,
  port: number,
  once: boolean = false,
): ProbeStep {
  const { health: wanted } = inventory;
  const common = asked(inventory, view, backend, port);
  const from =
    wanted.from === 'balancer'
      ? `from ${listed(common.through)}`
      : wanted.from === 'backend'
        ? 'from itself'
        : 'from here';
  return {
    ...common,
    say: `ask ${backend.name}${hasTwo(backend) ? `, port ${port},` : ''} ${from}: ${wanted.path}`,
    path: wanted.path,
    status: wanted.status,
    consecutive: once ? 1 : wanted.consecutive,
    parallel: 1,
    timeout: wanted.timeout,
    deadline: wanted.deadline,
  };
}

function asked(inventory: Inventory, view: FleetView, backend: Backend, port: number) {
  const { health: wanted } = inventory;
  const balancers = seenBalancers(view).map(([name]) => name);
  const through = wanted.from === 'balancer' ? balancers : wanted.from === 'backend' ? [backend.name] : [];
  return {
    kind: 'probe',
    host: backend.name,
    through,
    address: wanted.from === 'backend' ? '127.0.0.1' : backend.address,
    port,
    hostHeader: wanted.host,
    headers: wanted.headers,
    interval: wanted.interval,
    log: { script: 'application-log', call: { host: backend.name, args: applicationLogs(inventory, port) } },
  } as const;
}

/** Worker processes of a Gunicorn command line; 4 where it does not say. */
function workers(command: string): number {
  const found = /(?:--workers[= ]|-w ?)([0-9]{1,3})\b/.exec(command);
  return found === null ? 4 : Math.max(1, Number(found[1]));
}
