import { isIPv6 } from 'node:net';
import type { Backend, Inventory } from '../inventory.ts';

/** Where a backend serves, as Nginx writes it in `server` lines and in $upstream_addr: `10.0.0.11:8000`, `[fd00::11]:8000`. */
export function serverAddress(backend: Backend): string {
  const port = backend.slots[0];
  if (port === undefined) throw new Error(`${backend.name} has no slot`);
  return `${isIPv6(backend.address) ? `[${backend.address}]` : backend.address}:${port}`;
}

/** What stands after the address of a backend in a group, its mark included. */
export function serverParameters(backend: Backend, out: boolean, nginx: Inventory['nginx']): string[] {
  return [
    ...(backend.weight === undefined || backend.weight === 1 ? [] : [`weight=${backend.weight}`]),
    ...nginx.server_options.split(' ').filter(Boolean),
    ...(out ? ['down'] : []),
  ];
}

/** The name of a group's upstream, which is also the $proxy_host of its requests. A hyphen: app names have none, so no two apps meet. */
export function upstreamName(group: string, inventory: Inventory): string {
  return inventory.nginx.switch === 'reload' ? inventory.app : `${inventory.app}-${group}`;
}
