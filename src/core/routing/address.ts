import { isIPv6 } from 'node:net';
import type { Backend, Inventory } from '../inventory.ts';
import { portOf } from '../slots.ts';
import { fallback, type Group } from './groups.ts';

/** Where a slot of a backend serves, as Nginx writes it in `server` lines and in $upstream_addr: `10.0.0.11:8000`, `[fd00::11]:8000`. */
export const serverAddress = ({ address }: Backend, port: number): string =>
  `${isIPv6(address) ? `[${address}]` : address}:${port}`;

/** One line of a group. */
export interface Server {
  /** The backend's name. */
  readonly name: string;
  readonly address: string;
  /** What stands after the address, its mark included. */
  readonly parameters: readonly string[];
}

/** The lines of a group, in the inventory's order: one for each backend, in `all` one for each of its slots. */
export function serversOf(group: Group, inventory: Inventory): Server[] {
  return inventory.backends.flatMap((backend) => {
    const { name, slots } = backend;
    const ports = group.name === fallback.name ? slots : [portOf(backend, group.second.includes(name))];
    const parameters = serverParameters(backend, group.out.includes(name), inventory.nginx);
    return ports.map((port) => ({ name, address: serverAddress(backend, port), parameters }));
  });
}

function serverParameters(backend: Backend, out: boolean, nginx: Inventory['nginx']): string[] {
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
