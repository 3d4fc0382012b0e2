import type { Inventory } from '../inventory.ts';
import { nearest } from './nearest.ts';
import { quoted } from './problem.ts';
import { expandRange } from './range.ts';

export type Selected =
  | { readonly ok: true; readonly hosts: readonly string[] }
  /** A sentence: why nothing can be chosen so. */
  | { readonly ok: false; readonly message: string };

/**
 * The backends that `--hosts web1,web[3-4]` and `--zone a` leave, in the inventory's order; both given: those that are in both.
 * With neither: all of them.
 */
export function selectHosts(
  inventory: Inventory,
  chosen: { readonly hosts?: string | undefined; readonly zone?: string | undefined },
): Selected {
  const names = inventory.backends.map((backend) => backend.name);
  const wanted = new Set<string>(chosen.hosts === undefined ? names : []);
  for (const word of chosen.hosts?.split(',') ?? []) {
    const expanded = expandRange(word.trim());
    if (!expanded.ok) return refuse(`--hosts: ${quoted(word.trim())} ${expanded.message}`);
    for (const name of expanded.words) {
      if (!names.includes(name)) return refuse(`--hosts: ${stranger(name, names, inventory)}`);
      wanted.add(name);
    }
  }
  const { zone } = chosen;
  if (zone !== undefined) {
    const zones = new Set(inventory.backends.flatMap((backend) => backend.zone ?? []));
    if (!zones.has(zone)) return refuse(`--zone: no backend is in ${quoted(zone)}${instead(zone, zones)}`);
  }
  const hosts = inventory.backends
    .filter((backend) => wanted.has(backend.name) && (zone === undefined || backend.zone === zone))
    .map((backend) => backend.name);
  return hosts.length > 0
    ? { ok: true, hosts }
    : refuse(`--hosts, --zone: none of these hosts is in zone ${zone ?? ''}`);
}

const refuse = (message: string): Selected => ({ ok: false, message });

function stranger(name: string, names: readonly string[], inventory: Inventory): string {
  if (name === '') return 'a name is missing between the commas';
  if (inventory.balancers.some((balancer) => balancer.name === name))
    return `${name} is a balancer; backends are chosen here`;
  return `there is no backend ${quoted(name)}${instead(name, names)}`;
}

function instead(word: string, known: Iterable<string>): string {
  const near = nearest(word, known);
  return near === undefined ? `; there is ${[...known].join(', ') || 'none'}` : `; did you mean ${near}?`;
}
