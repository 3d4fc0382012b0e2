import type { Backend, Inventory } from '../inventory.ts';
import { seenBalancers, type FleetView } from '../fleet.ts';
import type { Step } from '../plan.ts';
import { socketOf } from '../address.ts';
import { MARGIN } from './margin.ts';

/**
 * Proves that no request is left on slots of a backend, all of them if none is named. First, on each balancer, that every request of before
 * the flip has its backend: one that waits for a dead neighbour is passed on to this one a second later. Only then what is on the host
 * itself can be counted to the end.
 */
export function drained(
  inventory: Inventory,
  view: FleetView,
  backend: Backend,
  ports: readonly number[] = backend.slots,
): Step[] {
  const { deadline, on_deadline } = inventory.drain;
  const sockets = inventory.backends.flatMap(({ address, slots }) => slots.map((port) => socketOf(address, port)));
  const where = ports.length < backend.slots.length ? `${backend.name}, port ${ports.join(', ')}` : backend.name;
  return [
    {
      kind: 'run',
      say: 'let the balancers finish what they had begun',
      script: 'awaiting',
      calls: seenBalancers(view).map(([host]) => ({ host, args: [String(deadline), on_deadline, ...sockets] })),
      deadline: deadline + MARGIN,
    },
    {
      kind: 'run',
      say: `wait until no request is left on ${where}`,
      script: 'drained',
      calls: ports.map((port) => ({ host: backend.name, args: [String(port), String(deadline), on_deadline] })),
      deadline: deadline + MARGIN,
    },
  ];
}
