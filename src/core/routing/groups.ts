import { createHash } from 'node:crypto';
import { batches } from '../batch.ts';
import type { Inventory } from '../inventory.ts';
import { beside } from '../slots.ts';
import { walk } from './walk.ts';

/**
 * A group is an upstream that has every backend of the inventory as a line: with the port of the slot that is meant there, and marked
 * `down` where the backend is out. The routing table moves traffic by naming one group or another. What is declared in the configuration
 * needs no reload to be used.
 */
export interface Group extends Table {
  /** What the folder in `groups/` is called, and, with the app's name in front, the upstream. */
  readonly name: string;
}

/** Where the requests of each backend go. */
export interface Table {
  /** Names of backends that get none, in the inventory's order. */
  readonly out: readonly string[];
  /** Names of backends with two slots whose second one is meant, in the inventory's order. */
  readonly second: readonly string[];
}

/** Longer names become a digest: a map key of 48 characters breaks Nginx's default map_hash_bucket_size. */
const LONGEST_NAME = 40;
/** Up to here every pair of backends has a group of its own, so that a roll works without a reload while one host is out. */
const MOST_FOR_PAIRS = 33;
/** The same where backends have two slots: a pair has two groups then, and each way of a roll one more for each that may be out. */
const MOST_FOR_PAIRS_OF_TWO = 20;
/** Up to here the groups of a usual roll are all declared from the start; beyond, they come in portions, as a roll needs them. */
const MOST_FOR_ALL = 100;
/** Server lines of one configuration (20 ms and 7 MB of Nginx): what is declared on demand is cut into portions of this size. */
const PORTION_LINES = 20_000;

/**
 * The group in which exactly these backends are out, and the second slot is meant of exactly those. Names that the inventory does not
 * have are left aside. Its name is the one name of that: `all`, `only-X` where X alone is in (three backends or more), `out-X--Y` in the
 * inventory's order, or `outs-` and 12 hex digits of that name's sha256 where it is too long (no host's name can make an `outs-`, so the
 * two never meet). Where backends have two slots, it begins with which are meant: `first`, `second`, `mix-K` (the second one of the first
 * K of them, in the order of a roll), or `slots-` and a digest; and `all` is the group of every slot of every backend.
 */
export function groupOf(out: ReadonlySet<string>, inventory: Inventory, second: ReadonlySet<string> = NONE): Group {
  const names = inventory.backends.map(({ name }) => name);
  const gone = names.filter((name) => out.has(name));
  const two = [...beside(inventory)];
  const meant = two.filter((name) => second.has(name));
  const table = { out: gone, second: meant };
  const rest = outName(gone, names);
  if (two.length === 0) return { name: short(rest), ...table };
  const slots = slotsName(meant, two, inventory);
  return { name: short(rest === ALL ? slots : `${slots}-${rest}`), ...table };
}

/** The group that a name which is not declared falls to, and what serves before the first flip: every slot of every backend. */
export const fallback: Group = { name: 'all', out: [], second: [] };

const NONE: ReadonlySet<string> = new Set();
const ALL = fallback.name;

function outName(out: readonly string[], all: readonly string[]): string {
  if (out.length === 0) return ALL;
  if (all.length > 2 && out.length === all.length - 1) return `only-${all.find((name) => !out.includes(name))}`;
  return `out-${out.join('--')}`;
}

function slotsName(second: readonly string[], two: readonly string[], inventory: Inventory): string {
  if (second.length === 0) return 'first';
  if (second.length === two.length) return 'second';
  const walked = batches(inventory.backends, inventory.roll)
    .flat()
    .filter((name) => two.includes(name));
  return walked.slice(0, second.length).every((name) => second.includes(name))
    ? `mix-${second.length}`
    : `slots-${sha256(second.join('--')).slice(0, 12)}`;
}

const short = (whole: string): string => (whole.length <= LONGEST_NAME ? whole : `outs-${sha256(whole).slice(0, 12)}`);

/**
 * The groups that an inventory's configuration declares, without repetition: `all`; each backend out, and each alone in; the batches
 * of the inventory's roll; every pair out where the fleet is small. Where backends have two slots, that for both sides, and each roll from
 * one to the other, also with one out where the fleet is small. A fleet of more than 100 has `all` and what is `wanted` alone.
 * @param wanted further groups, of which a portion (see `portions`) is to be declared
 */
export function declaredGroups(inventory: Inventory, wanted: readonly Group[] = []): Group[] {
  const usual = usuals.get(inventory) ?? usualGroups(inventory);
  usuals.set(inventory, usual);
  const found = new Map(usual.map((group) => [group.name, group]));
  for (const group of wanted) if (servesSomebody(group, inventory)) found.set(group.name, group);
  return [...found.values()];
}

/** By inventory, which never changes: a plan asks for them at each flip, and a way back may try many ways. */
const usuals = new WeakMap<Inventory, readonly Group[]>();

function usualGroups(inventory: Inventory): Group[] {
  const two = beside(inventory);
  const sides = two.size === 0 ? [NONE] : [NONE, two];
  const found = new Map<string, Group>([[ALL, fallback]]);
  const add = (group: Group): void => {
    if (servesSomebody(group, inventory)) found.set(group.name, group);
  };
  for (const second of sides) for (const out of outsOf(inventory, two.size > 0)) add(groupOf(out, inventory, second));
  for (const second of sides) for (const table of tablesOf(inventory, second)) add(table);
  return [...found.values()];
}

/** A group of the whole fleet has nobody left to serve; no plan ever takes it out. */
const servesSomebody = ({ out }: Group, { backends }: Inventory): boolean =>
  out.length < backends.length || backends.length === 1;

/** What a roll makes, with all in at first, or one out, from a side where backends have two. */
function tablesOf(inventory: Inventory, second: ReadonlySet<string>): Group[] {
  const over = beside(inventory);
  if (over.size === 0 || inventory.backends.length > MOST_FOR_ALL) return [];
  const ones = inventory.backends.length <= MOST_FOR_PAIRS_OF_TWO ? inventory.backends.map(({ name }) => [name]) : [];
  return [[], ...ones].flatMap((stays) => {
    const out = new Set(stays);
    const tables = walk({ out, second }, batches(inventory.backends, inventory.roll), over, { stays: out });
    return tables.map((table) => groupOf(table.out, inventory, table.second));
  });
}

/** Sets of backends that a command may take out, whichever slots serve. */
function outsOf({ backends, roll }: Inventory, two: boolean): ReadonlySet<string>[] {
  const names = backends.map(({ name }) => name);
  const outs: ReadonlySet<string>[] = [NONE];
  if (names.length <= MOST_FOR_ALL) {
    outs.push(...names.map((name) => new Set([name])));
    if (names.length > 2) outs.push(...names.map((name) => new Set(names.filter((other) => other !== name))));
    outs.push(...batches(backends, roll).map((batch) => new Set(batch)));
  }
  if (names.length <= (two ? MOST_FOR_PAIRS_OF_TWO : MOST_FOR_PAIRS))
    names.forEach((one, at) => outs.push(...names.slice(at + 1).map((other) => new Set([one, other]))));
  return outs;
}

/** Groups in the order of their use, cut so that each portion stays under 20,000 server lines: one reload each. */
export function portions(inventory: Inventory, wanted: readonly Group[]): (readonly Group[])[] {
  const size = Math.max(1, Math.floor(PORTION_LINES / Math.max(1, inventory.backends.length)) - 1);
  const found: Group[][] = [];
  for (let from = 0; from < wanted.length; from += size) found.push(wanted.slice(from, from + size));
  return found;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
