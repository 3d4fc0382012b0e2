import { createHash } from 'node:crypto';
import { batches } from '../batch.ts';
import type { Inventory } from '../inventory.ts';

/**
 * A group is an upstream that has every backend of the inventory as a line, those in `out` marked `down`; the routing table
 * moves traffic by naming one group or another. What is declared in the configuration needs no reload to be used.
 */
export interface Group {
  /** What the folder in `groups/` is called, and, with the app's name in front, the upstream. */
  readonly name: string;
  /** Names of backends, in the inventory's order. */
  readonly out: readonly string[];
}

/** Longer names become a digest: a map key of 48 characters breaks Nginx's default map_hash_bucket_size. */
const LONGEST_NAME = 40;
/** Up to here every pair of backends has a group of its own, so that a roll works without a reload while one host is out. */
const MOST_FOR_PAIRS = 33;
/** Up to here the groups of a usual roll are all declared from the start; beyond, they come in portions, as a roll needs them. */
const MOST_FOR_ALL = 100;
/** Server lines of one configuration (20 ms and 7 MB of Nginx): what is declared on demand is cut into portions of this size. */
const PORTION_LINES = 20_000;

/**
 * The one name of the group in which exactly these backends are out: `all`, `only-X` where X alone is in (three backends or more),
 * `out-X--Y` in the inventory's order, or `outs-` and 12 hex digits of that name's sha256 where it is too long (no host's name
 * can make an `outs-`, so the two never meet). Names that the inventory does not have are left aside.
 */
export function groupName(out: ReadonlySet<string>, inventory: Inventory): string {
  return groupOf(out, inventory).name;
}

/** The group in which exactly these backends are out. */
export function groupOf(out: ReadonlySet<string>, inventory: Inventory): Group {
  const names = inventory.backends.map((backend) => backend.name);
  const gone = names.filter((name) => out.has(name));
  return { name: nameOf(gone, names), out: gone };
}

function nameOf(out: readonly string[], all: readonly string[]): string {
  if (out.length === 0) return 'all';
  if (all.length > 2 && out.length === all.length - 1) return `only-${all.find((name) => !out.includes(name))}`;
  const whole = `out-${out.join('--')}`;
  return whole.length <= LONGEST_NAME ? whole : `outs-${sha256(whole).slice(0, 12)}`;
}

/**
 * The groups that an inventory's configuration declares, without repetition: `all`; each backend out, and each alone in; the batches
 * of the inventory's roll; every pair out where the fleet is small. A fleet of more than 100 has `all` and what is `wanted` alone.
 * @param wanted further sets of backends that are out, of which a portion (see `portions`) is to be declared
 */
export function declaredGroups(inventory: Inventory, wanted: readonly ReadonlySet<string>[] = []): Group[] {
  const names = inventory.backends.map((backend) => backend.name);
  const outs: ReadonlySet<string>[] = [new Set()];
  if (names.length <= MOST_FOR_ALL) {
    outs.push(...names.map((name) => new Set([name])));
    if (names.length > 2) outs.push(...names.map((name) => new Set(names.filter((other) => other !== name))));
    for (const batch of batches(inventory.backends, inventory.roll)) {
      // A batch of the whole fleet has nobody left to serve; no plan ever takes it out.
      if (batch.length < names.length) outs.push(new Set(batch));
    }
  }
  if (names.length <= MOST_FOR_PAIRS) {
    names.forEach((one, at) => outs.push(...names.slice(at + 1).map((other) => new Set([one, other]))));
  }
  const found = new Map<string, Group>();
  for (const out of [...outs, ...wanted]) {
    const group = groupOf(out, inventory);
    if (group.out.length < names.length || names.length === 1) found.set(group.name, group);
  }
  return [...found.values()];
}

/** The sets that are out, in the order of their use, cut so that each portion's groups stay under 20,000 server lines: one reload each. */
export function portions(
  inventory: Inventory,
  wanted: readonly ReadonlySet<string>[],
): (readonly ReadonlySet<string>[])[] {
  const size = Math.max(1, Math.floor(PORTION_LINES / Math.max(1, inventory.backends.length)) - 1);
  const found: ReadonlySet<string>[][] = [];
  for (let from = 0; from < wanted.length; from += size) found.push(wanted.slice(from, from + size));
  return found;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
