import { createHash } from 'node:crypto';
import { begunOn, newestOf, type BackendView, type BalancerView, type FleetView } from '../../../src/core/fleet.ts';
import type { Inventory } from '../../../src/core/inventory.ts';
import { generationName, type Author } from '../../../src/core/planning/flip.ts';
import type { RollWish } from '../../../src/core/planning/roll.ts';
import type { Planned } from '../../../src/core/planning/refusal.ts';
import type { Plan } from '../../../src/core/plan.ts';
import type { GenerationRecord, Intent } from '../../../src/core/record.ts';
import type { Release } from '../../../src/core/release.ts';
import { parseRecord } from '../../../src/core/record.ts';
import { virtualenvKey } from '../../../src/core/release.ts';
import { declaredGroups, groupOf } from '../../../src/core/routing/groups.ts';
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
  /** Backends that a person took out. */
  readonly out?: readonly string[];
  /** What the backends run, by name; else V1. */
  readonly runs?: Readonly<Record<string, string | null>>;
  /** Nothing was ever rolled: no generation, no release. */
  readonly fresh?: boolean;
  /** The configuration that the balancers have loaded: what the inventory declares, less than that, or none. */
  readonly loaded?: 'all' | 'least' | 'none';
  readonly intent?: Intent | null;
  /** How many of the backends, the last ones, came into the inventory after the record was written: nothing was ever there. */
  readonly newcomers?: number;
  /** Nginx has loaded the configuration with those in it. */
  readonly installed?: boolean;
  /** Backends that the record and the configuration have and the inventory no longer; names `old1`, … Some of them may be `out`. */
  readonly former?: number;
}

export interface Balancer {
  live: number | null;
  /** By number; those that are prepared too. */
  readonly generations: Map<number, { lane: string; record: GenerationRecord }>;
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
  running: string | null;
  current: string | null;
  releases: string[];
  reachable: boolean;
  /** What can't be started here. */
  readonly broken: Set<string>;
  /** A release ran here once, or it is of the fleet since its first roll. */
  ran: boolean;
}

/** A fleet as it is, to be looked at by the planner and changed by the interpreter. */
export interface World {
  readonly inventory: Inventory;
  readonly balancers: Map<string, Balancer>;
  readonly backends: Map<string, Backend>;
}

export const names = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => `${prefix}${at + 1}`);

/** Loaded and written texts are JSON: the backends, and the groups' names with who is out. */
interface Text {
  readonly backends: readonly string[];
  readonly groups: Groups;
}

export type Groups = Readonly<Record<string, readonly string[]>>;

const readText = (text: string): Text => JSON.parse(text) as Text;
/** Whether a configuration has a backend at all. */
export const groupsKnow = (text: string | null, backend: string): boolean =>
  text !== null && readText(text).backends.includes(backend);
export const groupsOf = (text: string): Groups => readText(text).groups;

/** As open.ts has it, with JSON for Nginx's own words. */
export function configurationOf(inventory: Inventory): FleetView['configuration'] {
  return (out, of = inventory, also = []) => {
    const groups =
      of.nginx.switch === 'live' ? [...declaredGroups(of, out), ...also] : [groupOf(out[0] ?? new Set(), of)];
    return JSON.stringify({
      backends: of.backends.map(({ name }) => name),
      groups: Object.fromEntries(groups.map((group) => [group.name, group.out])),
    } satisfies Text);
  };
}

export function worldOf(wish: Wish = {}): World {
  const { backends: count = 4, balancers: few = 1, runs = {}, out = [], fresh = false, loaded = 'all' } = wish;
  const zone = (at: number): string =>
    wish.zones === undefined ? '' : `, zone: ${wish.zones[at % wish.zones.length]}`;
  const list = (prefix: string, length: number, net: number, more: (at: number) => string): string =>
    `{ ${names(prefix, length)
      .map((name, at) => `${name}: { address: 10.${net}.${Math.floor(at / 200)}.${10 + (at % 200)}${more(at)} }`)
      .join(', ')} }`;
  const inventory = inventoryOf({
    balancers: list('lb', few, 1, () => ''),
    backends: list('web', count, 2, zone),
    nginx: `{ configuration: ${wish.configuration ?? 'managed'}, switch: ${wish.switch ?? 'live'} }`,
    roll: `{ batch: ${JSON.stringify(wish.batch ?? [1])}, min_in_rotation: ${wish.min ?? '50%'}, pause: ${wish.pause ? '5s' : '0s'}, bake: ${wish.bake ? '5s' : '0s'}, order: ${wish.zones === undefined ? 'inventory' : 'zones'} }`,
  });
  // What was so when the record was written.
  const newcomers = new Set(names('web', count).slice(count - (wish.newcomers ?? 0)));
  const known = inventory.backends.filter(({ name }) => !newcomers.has(name));
  const [model] = inventory.backends;
  const gone = names('old', wish.former ?? 0).map((name, at) => ({ ...model!, name, address: `10.3.0.${10 + at}` }));
  const then = { ...inventory, backends: [...known, ...gone] };
  const loadedThen = wish.installed === true ? inventory : then;
  const text = configurationOf(loadedThen);
  const whoIsOut = new Set(out);
  const record: GenerationRecord = {
    version: 1,
    app: 'shop',
    generation: 7,
    table: { stable: groupOf(whoIsOut, then).name },
    backends: Object.fromEntries(
      then.backends.map(({ name }) => [
        name,
        {
          rotation: whoIsOut.has(name) ? 'out' : 'in',
          ...(whoIsOut.has(name) ? { reason: 'a new disk', by: 'ada@desk' } : {}),
          since: '2026-11-01T00:00:00.000Z',
          release: name in runs ? (runs[name] ?? null) : V1,
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
  const whole = inventory.nginx.switch === 'live' ? text([whoIsOut].filter(({ size }) => size > 0)) : text([whoIsOut]);
  const group = record.table['stable'] ?? 'all';
  const { backends: lines, groups } = readText(whole);
  const needed = Object.entries(groups).filter(([name]) => name === group || name === 'all');
  const least = JSON.stringify({ backends: lines, groups: Object.fromEntries(needed) } satisfies Text);
  const loadedText = fresh || loaded === 'none' ? null : loaded === 'all' ? whole : least;
  return {
    inventory,
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
      inventory.backends.map(({ name }) => {
        const never = fresh || newcomers.has(name);
        const running = never ? null : name in runs ? (runs[name] ?? null) : V1;
        const releases = never ? [] : [...new Set([V0, V1, running ?? V1])].toSorted();
        return [
          name,
          { running, current: running, releases, reachable: true, broken: new Set(), ran: !newcomers.has(name) },
        ];
      }),
    ),
  };
}

/** A copy that can go another way. */
export function copied(world: World): World {
  return {
    inventory: world.inventory,
    balancers: new Map(
      [...world.balancers].map(([name, balancer]) => [
        name,
        { ...balancer, generations: new Map(balancer.generations), lingering: new Set(balancer.lingering) },
      ]),
    ),
    backends: new Map(
      [...world.backends].map(([name, backend]) => [
        name,
        { ...backend, releases: [...backend.releases], broken: new Set(backend.broken) },
      ]),
    ),
  };
}

/** Of a record, as the balancers tell it. */
export const digestOf = (record: GenerationRecord): string => sha256(JSON.stringify(record));

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The group that a balancer's live generation names; empty before the first. */
export function laneOf({ live, generations }: Balancer): string {
  return live === null ? '' : generations.get(live)!.lane;
}

/** The backends to which a balancer may send as it is. What it does not know falls to all. */
export function sends({ inventory, balancers, backends }: World, name: string): Set<string> {
  const balancer = balancers.get(name)!;
  if (balancer.loaded === null) return new Set();
  const groups = groupsOf(balancer.loaded);
  const out =
    inventory.nginx.switch === 'reload'
      ? Object.values(groups)[0]
      : balancer.live === null
        ? []
        : groups[laneOf(balancer).replace(/^closing-/, '')];
  return new Set(
    [...backends.keys()].filter((backend) => !(out ?? []).includes(backend) && groupsKnow(balancer.loaded, backend)),
  );
}

/** What view.ts would make of it. */
export function viewOf(world: World): FleetView {
  const { inventory } = world;
  const balancers = Object.fromEntries(
    [...world.balancers].map(([name, balancer]) => [name, balancerView(world, name, balancer)]),
  );
  return {
    configuration: configurationOf(inventory),
    begun: begunOn({ balancers }),
    balancers,
    backends: Object.fromEntries([...world.backends].map(([name, backend]) => [name, backendView(backend)])),
  };
}

function balancerView(world: World, name: string, balancer: Balancer): BalancerView {
  if (!balancer.reachable) return { kind: 'unreachable', reason: 'no route' };
  const told = balancer.loaded !== null && balancer.loaded === balancer.file ? readText(balancer.loaded) : undefined;
  const { live, flipped } = balancer;
  const entry = live === null ? undefined : balancer.generations.get(live);
  const digests = new Map([...balancer.generations].map(([number, { record }]) => [number, digestOf(record)]));
  const edits = [
    ...(entry !== undefined &&
    entry.lane.replace(/^closing-/, '') !== entry.record.table['stable']?.replace(/^closing-/, '')
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
    spared:
      told === undefined ? null : [...world.backends.keys()].filter((backend) => !sends(world, name).has(backend)),
    edits,
    serves: balancer.live !== null && balancer.loaded !== null,
    highest: Math.max(0, ...balancer.generations.keys()),
    record: entry?.record ?? null,
    lease: null,
    file: balancer.file === null ? 'none' : sha256(balancer.file),
    unloaded: balancer.former !== undefined && balancer.loaded !== balancer.file,
    declares: (group, { backends } = world.inventory) =>
      told?.backends.join() === backends.map((backend) => backend.name).join() &&
      told.groups[group.name]?.join() === group.out.join(),
    problems: [],
  };
}

function backendView({ running, current, releases, reachable }: Backend): BackendView {
  if (!reachable) return { kind: 'unreachable', reason: 'no route' };
  return {
    kind: 'seen',
    token: 3,
    running,
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
