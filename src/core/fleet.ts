import type { Inventory } from './inventory.ts';
import type { Lease } from './lease.ts';
import type { GenerationRecord, Intent } from './record.ts';
import type { Release } from './release.ts';
import type { Group } from './routing/groups.ts';
import type { Seal } from './sealed.ts';

/** The fleet as the planner sees it: what was observed, reduced to what decides. Built by view.ts from the hosts' facts. */
export interface FleetView {
  readonly balancers: Readonly<Record<string, BalancerView>>;
  readonly backends: Readonly<Record<string, BackendView>>;
  /**
   * The balancers' configuration as the inventory asks for it, with further groups; with `switch: reload` the first of them alone. `of`:
   * another inventory than the one that was looked at.
   */
  readonly configuration: (wanted: readonly Group[], of?: Inventory) => string;
  /** Where that holds a secret: puts a word in its place, for plans. */
  readonly seal?: Seal['close'];
  /** What was begun and is not finished: by the newest record, or, where nothing was flipped yet, by the lease of one who died. */
  readonly begun: Intent | null;
}

export type BalancerView =
  | { readonly kind: 'unreachable'; readonly reason: string }
  | {
      readonly kind: 'seen';
      /** The highest token that the host has seen. */
      readonly token: number;
      /** The generation that `live` names; null before the first. */
      readonly live: number | null;
      /** What `live` names, as a flip is told to expect it. */
      readonly link: string;
      /** Whether Nginx's workers resolve it. */
      readonly serves: boolean;
      /** The highest generation folder that is there. */
      readonly highest: number;
      readonly record: GenerationRecord | null;
      /** The newest record that is here and that nobody has edited; without an edit the live one. */
      readonly good: GenerationRecord | null;
      /** sha256 of the records of the generations that are kept here, by number. */
      readonly digests: ReadonlyMap<number, string>;
      /** The last flip left word that what is live here is what it made. */
      readonly vouched: boolean;
      /** Where it sends the requests of each backend as it is, whatever the record says; null: that can't be told. */
      readonly sends: ReadonlyMap<string, Lines> | null;
      /** What a hand changed in its routing, in sentences without the host's name. */
      readonly edits: readonly string[];
      readonly lease: LeaseView | null;
      /** sha256 of the configuration's file, or `none`. */
      readonly file: string;
      /** A text was written there that was never loaded; the former one stands beside it. */
      readonly unloaded: boolean;
      /** Nginx has loaded another canary.header than the inventory asks for. */
      readonly stale?: true;
      /** Whether the configuration that Nginx has loaded has the group, and has it right. `of`: for another inventory than the one looked at. */
      readonly declares: (group: Group, of?: Inventory) => boolean;
      /** What is wrong with the balancer, each a sentence; a roll is refused by any. */
      readonly problems: readonly Problem[];
    };

/** The lines of a backend in the group that serves. */
export interface Lines {
  readonly ports: readonly number[];
  /** They are marked `down`, or there is none: it gets nothing. */
  readonly out: boolean;
}

/** A lease, and what is left of it. */
export interface LeaseView {
  readonly lease: Lease;
  /** Seconds; 0: it was given up, or its holder died. */
  readonly remaining: number;
  readonly died: boolean;
}

export interface Problem {
  readonly says: string;
  readonly next: string;
}

export type BackendView =
  | { readonly kind: 'unreachable'; readonly reason: string }
  | {
      readonly kind: 'seen';
      /** The highest token that the host has seen. */
      readonly token: number;
      /** The port of the slot that serves, as the record says. */
      readonly slot: number;
      /** What its processes run: a release, null for nothing, or `unsure` where it can't be told. */
      readonly running: string | null;
      /** Of the inventory: one or two, the one that serves among them. */
      readonly slots: readonly SlotView[];
      /** The release that brought a migration which is not additive, if any did. */
      readonly oneWay: string | null;
      readonly current: string | null;
      readonly previous: string | null;
      /** Complete releases. */
      readonly releases: readonly Release[];
      /** What its virtual environments depend on beside the requirements. */
      readonly python: string;
      readonly platform: string;
      /** Keys of complete virtual environments. */
      readonly virtualenvs: readonly string[];
      readonly problems: readonly Problem[];
    };

/** One slot of a backend. */
export interface SlotView {
  readonly port: number;
  /** What its processes run: a release, null for nothing, or `unsure` where it can't be told. */
  readonly running: string | null;
  /** The release that its link names: what a start there would serve; null: none. */
  readonly link: string | null;
  /** Seconds for which what served there before still runs on; 0: its time is over; null: it does not linger. */
  readonly lingers: number | null;
}

/** The slot that does not serve; undefined: there is none, or the backend could not be looked at. */
export const idleOf = (backend: BackendView | undefined): SlotView | undefined =>
  backend?.kind === 'seen' ? backend.slots.find(({ port }) => port !== backend.slot) : undefined;

/** A backend as it is once its slot on `port` serves, where it has one. */
export function turned(backend: BackendView, port: number | undefined): BackendView {
  const slot = backend.kind === 'seen' ? backend.slots.find((each) => each.port === port) : undefined;
  return slot === undefined || backend.kind !== 'seen'
    ? backend
    : { ...backend, slot: slot.port, running: slot.running };
}

/** The view with the slots that a record says serve. */
export const withServing = (view: FleetView, record: GenerationRecord | null): FleetView => ({
  ...view,
  backends: Object.fromEntries(
    Object.entries(view.backends).map(([name, seen]) => [name, turned(seen, record?.backends[name]?.slot)]),
  ),
});

/** The backends to which a balancer sends nothing; null: that can't be told. */
export const sparedBy = (
  { sends }: Pick<SeenBalancer, 'sends'>,
  { backends }: Pick<Inventory, 'backends'>,
): string[] | null =>
  sends === null ? null : backends.map(({ name }) => name).filter((name) => sends.get(name)?.out !== false);

/** Releases that are complete on a backend, by name. */
export function complete(backend: BackendView | undefined, release: string): boolean {
  return backend?.kind === 'seen' && backend.releases.some((manifest) => manifest.release === release);
}

export type SeenBalancer = Extract<BalancerView, { kind: 'seen' }>;

/** The balancers that could be looked at, by name. */
export const seenBalancers = (view: Pick<FleetView, 'balancers'>): [string, SeenBalancer][] =>
  Object.entries(view.balancers).flatMap(([name, seen]) => (seen.kind === 'seen' ? [[name, seen]] : []));

/** The highest generation anywhere: the next one is one more. */
export function highestGeneration(view: FleetView): number {
  return Math.max(0, ...seenBalancers(view).map(([, { highest }]) => highest));
}

/** The record of the newest live generation of all balancers; of those that a hand has changed only where there is no other. */
export function newestRecord(view: Pick<FleetView, 'balancers'>): GenerationRecord | null {
  const seen = seenBalancers(view).map(([, balancer]) => balancer);
  const trusted = seen.filter(({ edits }) => edits.length === 0);
  return newestOf((trusted.length > 0 ? trusted : seen).map(({ record }) => record));
}

/** The one with the highest number; of two with the same the later one. */
export function newestOf(records: readonly (GenerationRecord | null)[]): GenerationRecord | null {
  const there = records.filter((record) => record !== null);
  return there.toSorted((a, b) => b.generation - a.generation || (a.at < b.at ? 1 : a.at > b.at ? -1 : 0))[0] ?? null;
}

/** The newest lease of all balancers: who is at work, or was. */
export function newestLease(view: Pick<FleetView, 'balancers'>): LeaseView | null {
  let newest: LeaseView | null = null;
  for (const [, { lease }] of seenBalancers(view))
    if (lease !== null && lease.lease.token > (newest?.lease.token ?? -1)) newest = lease;
  return newest;
}

/** The service's jobs that have come to their end, whatever that was. */
export function endedJobs(view: Pick<FleetView, 'balancers' | 'begun'>): ReadonlySet<string> {
  return new Set((newestRecord(view)?.jobs ?? []).filter((job) => job !== view.begun?.job));
}

/** What was begun and is not finished, by what the balancers tell. */
export function begunOn(view: Pick<FleetView, 'balancers'>): Intent | null {
  const record = newestRecord(view);
  const newest = newestLease(view);
  return record?.intent ?? (newest?.died === true ? begunUnder(newest.lease, record) : null);
}

/**
 * What the holder of a lease has begun, as the lease tells it. From their first flip on the record tells it, also that it is finished; a
 * canary that was to be promoted has not been as long as it lives, and nothing has been moved.
 */
export function begunUnder({ holder, details }: Lease, record: GenerationRecord | null): Intent | null {
  const { intent = null } = details;
  if (record?.holder === holder || (intent?.kind === 'roll' && record?.split !== undefined)) return null;
  return intent;
}
