import type { Backend, Inventory } from './core/inventory.ts';
import type { ProbeRequest } from './fleet/ports.ts';

/**
 * How the health of a backend's port is asked, as `health` in the inventory has it.
 * @param way the balancer through which it is asked; undefined: from this machine. With `health.from: backend` it is the backend itself
 */
export function healthRequest(
  { health }: Pick<Inventory, 'health'>,
  { name, address }: Pick<Backend, 'name' | 'address'>,
  port: number,
  way: string | undefined,
): ProbeRequest {
  const there = health.from === 'backend';
  const through = there ? name : way;
  return {
    ...(through === undefined ? {} : { through }),
    address: there ? '127.0.0.1' : address,
    port,
    path: health.path,
    host: health.host,
    headers: health.headers,
    timeout: health.timeout,
  };
}
