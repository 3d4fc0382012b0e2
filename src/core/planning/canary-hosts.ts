import type { Backend, Inventory } from '../inventory.ts';
import { listed } from './listed.ts';
import { enoughLeft } from './ground.ts';
import type { Routing } from './flip.ts';
import { names } from './moving.ts';
import { refused, type Refused } from './refusal.ts';

/** A canary host that gets more than so many times what a host usually gets is warned of. */
const MUCH = 1.25;

export interface Chosen {
  readonly hosts: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * The backends with one slot that are to serve a canary: so many of those in rotation that none gets more requests than it is used to, taken
 * in turn from the zone that has most left, so that no zone is left without the release that serves while another has several with it. Or
 * those that a person named.
 * @param share the largest that the canary climbs to, of a hundred
 * @param wished names; undefined: nobody named any
 */
export function canaryHosts(
  inventory: Inventory,
  routing: Pick<Routing, 'in' | 'out' | 'reasonOf'>,
  share: number,
  wished: readonly string[] | undefined,
): Chosen | Refused {
  const serving = inventory.backends.filter(({ name }) => routing.in.includes(name));
  if (serving.length < 2)
    return refused(
      `Two releases side by side on hosts with one slot need two of them in rotation, one for each; ${serving.length === 1 ? `there is ${listed(names(serving))} alone` : 'there is none'}.`,
      'Give the backend a second slot (service.slots: [8000, 8001]): both releases then run on it. Or add a backend.',
      [],
      2,
    );
  const spared = wished?.filter((name) => !names(serving).includes(name)) ?? [];
  if (spared.length > 0)
    return refused(
      `${listed(spared)} ${spared.length === 1 ? 'is' : 'are'} out of rotation, and would meet no user.`,
      '`orchestrate enable` puts a backend in; or name others with --hosts.',
      [],
      2,
    );
  const hosts =
    wished ?? spread(serving, Math.min(serving.length - 1, Math.max(1, Math.ceil((share / 100) * serving.length))));
  if (hosts.length === serving.length)
    return refused(
      `The new release on ${listed(hosts)} leaves no backend to the one that serves.`,
      'Name fewer with --hosts.',
      [],
      2,
    );
  const short = enoughLeft(inventory, routing, [hosts]);
  if (short !== undefined) return short;
  return { hosts, warnings: tooMuch(serving.length, hosts, share) };
}

/** What a canary host has to bear, where that is more than it is used to: in words, with numbers. */
export function tooMuch(serving: number, hosts: readonly string[], share: number): string[] {
  const times = ((share / 100) * serving) / hosts.length;
  if (times <= MUCH) return [];
  const needed = Math.min(serving - 1, Math.ceil((share / 100) * serving));
  const way = needed > hosts.length ? `; ${needed} hosts would carry it` : '';
  return [
    `${share} % of the users on ${hosts.length} of ${serving} backends: ${listed(hosts)} ${hosts.length === 1 ? 'gets' : 'get'} ${times.toFixed(1)} times the requests that a backend gets now${way}`,
  ];
}

/** So many of the backends, in the inventory's order. */
function spread(serving: readonly Backend[], count: number): string[] {
  const zones = [...Map.groupBy(serving, ({ zone }) => zone).values()].map((zone) => [...zone]);
  const taken = new Set<string>();
  for (let at = 0; at < count; at += 1) {
    const [fullest] = zones.toSorted((a, b) => b.length - a.length);
    const backend = fullest?.shift();
    if (backend !== undefined) taken.add(backend.name);
  }
  return names(serving).filter((name) => taken.has(name));
}
