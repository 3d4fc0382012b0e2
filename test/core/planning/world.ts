import { createHash } from 'node:crypto';
import {
  begunOn,
  newestOf,
  newestRecord,
  withServing,
  type BackendView,
  type BalancerView,
  type FleetView,
  type Lines,
} from '../../../src/core/fleet.ts';
import type { Inventory } from '../../../src/core/inventory.ts';
import type { Author } from '../../../src/core/planning/flip.ts';
import { generationName } from '../../../src/core/planning/generation-steps.ts';
import type { RollWish } from '../../../src/core/planning/roll.ts';
import type { Planned } from '../../../src/core/planning/refusal.ts';
import type { Plan } from '../../../src/core/plan.ts';
import type { GenerationRecord, Intent } from '../../../src/core/record.ts';
import type { Release } from '../../../src/core/release.ts';
import { LOCAL } from '../../../src/core/builder.ts';
import { parseRecord } from '../../../src/core/record.ts';
import { virtualenvKey } from '../../../src/core/release.ts';
import { declaredGroups, groupOf, type Table } from '../../../src/core/routing/groups.ts';
import { groupOfLane } from '../../../src/core/routing/lanes.ts';
import { inventoryOf } from '../inventory/world.ts';

export const V0 = '20261101-0000-0000000';
export const V1 = '20261110-0000-1111111';
export const V2 = '20261120-0000-2222222';
const COMMIT: Readonly<Record<string, string>> = { [V0]: '0', [V1]: '1', [V2]: '2' };
/** Of every release: one virtual environment for all, so that a wish for V2's commit finds V2. */
const REQUIREMENTS = { files: [], local: [] };

/** What a test says of a fleet; the rest is usual. */
export interface Wish {
  readonly backends?: number;
  readonly balancers?: number;
  readonly configuration?: 'managed' | 'fixed';
  readonly switch?: 'live' | 'reload';
  readonly batch?: readonly (number | `${number}%`)[];
  readonly min?: number | `${number}%`;
  readonly pause?: boolean;
  readonly bake?: boolean;
  /** Zones of the backends, in order. */
  readonly zones?: readonly string[];
  /** Backends with two slots. */
  readonly two?: readonly string[];
  /** Those of them whose second slot serves. */
  readonly second?: readonly string[];
  /** Backends that a person took out. */
  readonly out?: readonly string[];
  /** What the backends run, by name; else V1. */
  readonly runs?: Readonly<Record<string, string | null>>;
  /** Nothing was ever rolled: no generation, no release. */
  readonly fresh?: boolean;
  /** The configuration that the balancers have loaded: what the inventory declares, less than that, or none. */
  readonly loaded?: 'all' | 'least' | 'none';
  readonly intent?: Intent | null;
  /** The operator's machine builds. */
  readonly local?: boolean;
  /** How many of the backends, the last ones, came into the inventory after the record was written: nothing was ever there. */
  readonly newcomers?: number;
  /** Nginx has loaded the configuration with those in it. */
  readonly installed?: boolean;
  /** Backends that the record and the configuration have and the inventory no longer; names `old1`, … Some of them may be `out`. */
  readonly former?: number;
}

export interface Generation {
  /** The folder that the lane stable leads to. */
  readonly lane: string;
  /** All other lanes that lead elsewhere. */
  readonly others?: readonly string[];
  readonly record: GenerationRecord;
}

export interface Balancer {
  live: number | null;
  /** By number; those that are prepared too. */
  readonly generations: Map<number, Generation>;
  file: string | null;
  former: string | null | undefined;
  loaded: string | null;
  /** Where workers of before the last reload may still send. */
  readonly lingering: Set<string>;
  /** What the last flip left word of: the generation, and the digest of its record. */
  flipped: { readonly number: number; readonly sum: string } | null;
  /** Somebody changed its routing by hand. */
  edited?: true;
  /** The operator can reach it. Whether or not, it serves. */
  reachable: boolean;
}

export interface Backend {
  /** What runs on its slots, by port, the first one first. */
  readonly slots: Map<number, Slot>;
  current: string | null;
  releases: string[];
  reachable: boolean;
  /** What can't be started here. */
  readonly broken: Set<string>;
  /** A release ran here once, or it is of the fleet since its first roll. */
  ran: boolean;
}

export interface Slot {
  running: string | null;
  /** What its link names; of an only slot, what `current` names. */
  link: string | null;
  lingers: number | null;
}

/** A fleet as it is, to be looked at by the planner and changed by the interpreter. */
export interface World {
  readonly inventory: Inventory;
  readonly balancers: Map<string, Balancer>;
  readonly backends: Map<string, Backend>;
  /** The operator's machine, where it builds. */
  readonly local?: Backend;
}

export const names = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${prefix}${at + 1}`);

/** Loaded and written texts are JSON: the backends with their slots, and the groups' names with who is out, and whose second slot is meant. */
interface Text {
  readonly backends: readonly string[];
  readonly slots: Readonly<Record<string, readonly number[]>>;
  readonly groups: Groups;
}

export type Groups = Readonly<Record<string, Table>>;

/** What was read by now: the same few texts are read thousands of times. */
const texts = new Map<string, Text>();

function readText(text: string): Text {
  const known = texts.get(text);
  if (known !== undefined) return known;
  if (texts.size > 100) texts.clear();
  const read = JSON.parse(text) as Text;
  texts.set(text, read);
  return read;
}

/** Whether a configuration has a backend at all. */
export const groupsKnow = (text: string | null, backend: string): boolean =>
  text !== null && readText(text).backends.includes(backend);
export const groupsOf = (text: string): Groups => readText(text).groups;

/** As open.ts has it, with JSON for Nginx's own words. */
export function configurationOf(inventory: Inventory): FleetView['configuration'] {
  return (wanted, of = inventory) => {
    const groups = of.nginx.switch === 'live' ? declaredGroups(of, wanted) : [wanted[0] ?? groupOf(new Set(), of)];
    return JSON.stringify({
      backends: of.backends.map(({ name }) => name),
      slots: Object.fromEntries(of.backends.map(({ name, slots }) => [name, slots])),
      groups: Object.fromEntries(groups.map(({ name, out, second }) => [name, { out, second }])),
    } satisfies Text);
  };
}

export function worldOf(wish: Wish = {}): World {
  const { backends: count = 4, balancers: few = 1, runs = {}, out = [], fresh = false, loaded = 'all' } = wish;
  const zone = (at: number): string =>
    wish.zones === undefined ? '' : `, zone: ${wish.zones[at % wish.zones.length]}`;
  const two = new Set(wish.two);
  const slots = (at: number): string => (two.has(`web${at + 1}`) ? ', slots: [8000, 8001]' : '');
  const list = (prefix: string, length: number, net: number, more: (at: number) => string): string =>
    `{ ${names(prefix, length)
      .map((name, at) => `${name}: { address: 10.${net}.${Math.floor(at / 200)}.${10 + (at % 200)}${more(at)} }`)
      .join(', ')} }`;
  const inventory = inventoryOf({
    ...(wish.local === true ? { build: '{ builder: local }' } : {}),
    balancers: list('lb', few, 1, () => ''),
    backends: list('web', count, 2, (at) => `${zone(at)}${slots(at)}`),
    nginx: `{ configuration: ${wish.configuration ?? 'managed'}, switch: ${wish.switch ?? 'live'} }`,
    roll: `{ batch: ${JSON.stringify(wish.batch ?? [1])}, min_in_rotation: ${wish.min ?? '50%'}, pause: ${wish.pause ? '5s' : '0s'}, bake: ${wish.bake ? '5s' : '0s'}, order: ${wish.zones === undefined ? 'inventory' : 'zones'} }`,
  });
  // What was so when the record was written.
  const newcomers = new Set(names('web', count).slice(count - (wish.newcomers ?? 0)));
  const known = inventory.backends.filter(({ name }) => !newcomers.has(name));
  const model = inventory.backends[0] && { ...inventory.backends[0], slots: [8000] };
  const gone = names('old', wish.former ?? 0).map((name, at) => ({ ...model!, name, address: `10.3.0.${10 + at}` }));
  const then = { ...inventory, backends: [...known, ...gone] };
  const loadedThen = wish.installed === true ? inventory : then;
  const text = configurationOf(loadedThen);
  const whoIsOut = new Set(out);
  const second = new Set(wish.second);
  const serving = groupOf(whoIsOut, then, second);
  const record: GenerationRecord = {
    version: 1,
    app: 'shop',
    generation: 7,
    table: { stable: serving.name },
    backends: Object.fromEntries(
      then.backends.map(({ name }) => [
        name,
        {
          rotation: whoIsOut.has(name) ? 'out' : 'in',
          ...(whoIsOut.has(name) ? { reason: 'a new disk', by: 'ada@desk' } : {}),
          since: '2026-11-01T00:00:00.000Z',
          release: name in runs ? (runs[name] ?? null) : V1,
          ...(two.has(name) ? { slot: second.has(name) ? 8001 : 8000 } : {}),
        },
      ]),
    ),
    intent: wish.intent ?? null,
    token: 3,
    holder: 'former',
    command: 'roll',
    by: 'ada@desk',
    at: '2026-11-01T00:00:00.000Z',
  };
  const whole = text([groupOf(whoIsOut, loadedThen, second)]);
  const group = record.table['stable'] ?? 'all';
  const { groups, ...lines } = readText(whole);
  const needed = Object.entries(groups).filter(([name]) => name === group || name === 'all');
  const least = JSON.stringify({ ...lines, groups: Object.fromEntries(needed) } satisfies Text);
  const loadedText = fresh || loaded === 'none' ? null : loaded === 'all' ? whole : least;
  return {
    inventory,
    ...(wish.local === true ? { local: storeOf() } : {}),
    balancers: new Map(
      inventory.balancers.map(({ name }) => [
        name,
        {
          live: fresh ? null : 7,
          generations: new Map(fresh ? [] : [[7, { lane: record.table['stable'] ?? 'all', record }]]),
          file: loadedText,
          former: undefined,
          loaded: loadedText,
          lingering: new Set(),
          flipped: null,
          reachable: true,
        },
      ]),
    ),
    backends: new Map(
      inventory.backends.map(({ name, slots: ports }) => {
        const never = fresh || newcomers.has(name);
        const running = never ? null : name in runs ? (runs[name] ?? null) : V1;
        const releases = never ? [] : [...new Set([V0, V1, running ?? V1])].toSorted();
        const serves = ports[second.has(name) ? 1 : 0];
        const processes = ports.map((port): [number, Slot] => {
          const here = port === serves ? running : null;
          return [port, { running: here, link: here, lingers: null }];
        });
        return [
          name,
          {
            slots: new Map(processes),
            current: running,
            releases,
            reachable: true,
            broken: new Set(),
            ran: !newcomers.has(name),
          },
        ];
      }),
    ),
  };
}

/** Nothing was ever built there, as on another operator's machine. */
const storeOf = (): Backend => ({
  slots: new Map(),
  current: null,
  releases: [],
  reachable: true,
  broken: new Set(),
  ran: false,
});

/** A copy that can go another way. */
export function copied(world: World): World {
  return {
    inventory: world.inventory,
    ...(world.local === undefined ? {} : { local: { ...world.local, releases: [...world.local.releases] } }),
    balancers: new Map(
      [...world.balancers].map(([name, balancer]) => [
        name,
        { ...balancer, generations: new Map(balancer.generations), lingering: new Set(balancer.lingering) },
      ]),
    ),
    backends: new Map(
      [...world.backends].map(([name, backend]) => [
        name,
        {
          ...backend,
          slots: new Map([...backend.slots].map(([port, slot]) => [port, { ...slot }])),
          releases: [...backend.releases],
          broken: new Set(backend.broken),
        },
      ]),
    ),
  };
}

/** Of a record, as the balancers tell it. */
export function digestOf(record: GenerationRecord): string {
  const digest = summed.get(record) ?? sha256(JSON.stringify(record));
  summed.set(record, digest);
  return digest;
}

/** A record never changes: what edits one by hand puts another in its place. */
const summed = new WeakMap<GenerationRecord, string>();

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The group that a balancer's live generation names; empty before the first. */
export function laneOf({ live, generations }: Balancer): string {
  return live === null ? '' : generations.get(live)!.lane;
}

/** The lines of each backend in what a balancer serves. What it does not know falls to all. */
function linesOf({ inventory, balancers, backends }: World, name: string, by?: string): Map<string, Lines> {
  const balancer = balancers.get(name)!;
  const found = new Map<string, Lines>();
  if (balancer.loaded === null) return found;
  const { groups, slots } = readText(balancer.loaded);
  const lane = balancer.live === null ? '' : groupOfLane(by ?? laneOf(balancer));
  const table = inventory.nginx.switch === 'reload' ? Object.values(groups)[0] : groups[lane];
  const every = table === undefined || (lane === 'all' && inventory.nginx.switch === 'live');
  for (const backend of backends.keys()) {
    const [one, other = one] = slots[backend] ?? [];
    const meant = every ? [one, other] : [table.second.includes(backend) ? other : one];
    const ports = [...new Set(meant.filter((port) => port !== undefined))];
    found.set(backend, { ports, out: ports.length === 0 || table?.out.includes(backend) === true });
  }
  return found;
}

/** The ports of backends to which a balancer may send as it is, by whatever lane: those of the lane stable first. */
export function sends(world: World, name: string): Map<string, readonly number[]> {
  const balancer = world.balancers.get(name)!;
  const others = balancer.live === null ? [] : (balancer.generations.get(balancer.live)!.others ?? []);
  const found = new Map<string, readonly number[]>();
  for (const lane of [undefined, ...new Set(others)])
    for (const [backend, { ports, out }] of linesOf(world, name, lane))
      if (!out) found.set(backend, [...new Set([...(found.get(backend) ?? []), ...ports])]);
  return found;
}

/** The slot that serves, by the newest record. */
export function servingOf(world: World, name: string): Slot {
  const { slots } = world.backends.get(name)!;
  const port = newestRecord(viewOf(world))?.backends[name]?.slot ?? [...slots.keys()][0]!;
  return slots.get(port)!;
}

/** The other one, where there is one. */
export const idleOf = (world: World, name: string): Slot | undefined =>
  [...world.backends.get(name)!.slots.values()].find((slot) => slot !== servingOf(world, name));

/** What view.ts would make of it. */
export function viewOf(world: World): FleetView {
  const { inventory } = world;
  const balancers = Object.fromEntries(
    [...world.balancers].map(([name, balancer]) => [name, balancerView(world, name, balancer)]),
  );
  const view: FleetView = {
    configuration: configurationOf(inventory),
    begun: begunOn({ balancers }),
    balancers,
    backends: Object.fromEntries(
      [...world.backends, ...(world.local === undefined ? [] : [[LOCAL, world.local] as const])].map(
        ([name, backend]) => [name, backendView(backend)],
      ),
    ),
  };
  return withServing(view, newestRecord(view));
}

function balancerView(world: World, name: string, balancer: Balancer): BalancerView {
  if (!balancer.reachable) return { kind: 'unreachable', reason: 'no route' };
  const told = balancer.loaded !== null && balancer.loaded === balancer.file ? readText(balancer.loaded) : undefined;
  const { live, flipped } = balancer;
  const entry = live === null ? undefined : balancer.generations.get(live);
  const digests = new Map([...balancer.generations].map(([number, { record }]) => [number, digestOf(record)]));
  const edits = [
    ...(entry !== undefined && groupOfLane(entry.lane) !== groupOfLane(entry.record.table['stable'] ?? '')
      ? ['its links were changed by hand']
      : []),
    ...(flipped !== null && live !== flipped.number ? ['its `live` was moved by hand'] : []),
    ...(flipped !== null && live === flipped.number && digests.get(live) !== flipped.sum
      ? ['its record was edited by hand']
      : []),
  ];
  const records = [...balancer.generations.values()].map(({ record }) => record);
  const written = records.filter(
    ({ generation }) =>
      flipped === null ||
      generation < flipped.number ||
      (generation === flipped.number && digests.get(generation) === flipped.sum),
  );
  return {
    kind: 'seen',
    token: 3,
    live,
    link: generationName(live),
    good: edits.length === 0 ? (entry?.record ?? null) : newestOf(written),
    digests,
    vouched: flipped !== null && edits.length === 0,
    sends: told === undefined ? null : linesOf(world, name),
    edits,
    serves: balancer.live !== null && balancer.loaded !== null,
    highest: Math.max(0, ...balancer.generations.keys()),
    record: entry?.record ?? null,
    lease: null,
    file: balancer.file === null ? 'none' : sha256(balancer.file),
    unloaded: balancer.former !== undefined && balancer.loaded !== balancer.file,
    declares: ({ name: group, out, second }, { backends } = world.inventory) =>
      told?.backends.join() === backends.map((backend) => backend.name).join() &&
      backends.every((backend) => told.slots[backend.name]?.join() === backend.slots.join()) &&
      told.groups[group]?.out.join() === out.join() &&
      told.groups[group].second.join() === second.join(),
    problems: [],
  };
}

function backendView({ slots, current, releases, reachable }: Backend): BackendView {
  if (!reachable) return { kind: 'unreachable', reason: 'no route' };
  return {
    kind: 'seen',
    token: 3,
    slot: [...slots.keys()][0] ?? 0,
    running: [...slots.values()][0]?.running ?? null,
    slots: [...slots].map(([port, slot]) => ({ port, ...slot })),
    oneWay: null,
    current,
    previous: null,
    releases: releases.toSorted().map(manifest),
    python: '3.11.2',
    platform: 'linux-x86_64',
    virtualenvs: releases.length > 0 ? [VIRTUALENV] : [],
    problems: [],
  };
}

const VIRTUALENV = virtualenvKey({
  ...REQUIREMENTS,
  python: '3.11.2',
  platform: 'linux-x86_64',
  venvArgs: [],
  commands: [],
});

function manifest(release: string): Release {
  return {
    version: 1,
    release,
    virtualenv: VIRTUALENV,
    commit: (COMMIT[release] ?? '9').repeat(40),
    ref: 'main',
    subject: `release ${release}`,
    author: 'Ada',
    committed: '2026-11-01T00:00:00Z',
    built: '2026-11-01T00:00:00.000Z',
  };
}

export const author: Author = {
  token: 4,
  holder: 'me',
  by: 'bob@laptop',
  command: 'roll --ref main',
  at: '2026-11-23T12:00:00.000Z',
};

/** A roll to V2's commit, of all hosts. */
export function rollTo(world: World, more: Partial<RollWish> = {}): RollWish {
  const { commit, ref, subject, author: who, committed } = manifest(V2);
  return {
    of: {
      commit: { commit, ref, subject, author: who, committed },
      requirements: REQUIREMENTS,
      bytes: 1000,
      now: Date.UTC(2026, 10, 20),
    },
    hosts: world.inventory.backends.map(({ name }) => name),
    batch: world.inventory.roll.batch,
    allowMigrations: [],
    warnings: [],
    ...more,
  };
}

/** The plan; a test in which it is refused fails with the reason. */
export function planOf(planned: Planned): Plan {
  if (planned.kind === 'planned') return planned.plan;
  throw new Error([planned.message, ...planned.details].join('\n'));
}

/** A record as a plan's step has it, with its times filled in. */
export function recordOf(input: string): GenerationRecord {
  const read = parseRecord(input.replaceAll(/@time:([0-9]+)/g, (_, label: string) => timeOf(Number(label))));
  if ('problem' in read) throw new Error(read.problem);
  return read.record;
}

/** The time that stands for `@time:N`, one minute a generation. */
export const timeOf = (label: number): string => new Date(Date.UTC(2026, 10, 23, 12, label)).toISOString();
