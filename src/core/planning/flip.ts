import { createHash } from 'node:crypto';
import type { Inventory } from '../inventory.ts';
import type { BalancerView, FleetView, SeenBalancer } from '../fleet.ts';
import type { Call, Phase, RunStep, Step } from '../plan.ts';
import type { BackendRecord, EndedSplit, GenerationRecord, Intent, Split } from '../record.ts';
import { highestGeneration, newestRecord, seenBalancers, turned } from '../fleet.ts';
import { beside, hasTwo, portOf, secondOf } from '../slots.ts';
import { NEW } from './hand.ts';
import { declaredGroups, fallback, groupOf, portions, type Group } from '../routing/groups.ts';
import { groupOfLane, tableOf } from '../routing/lanes.ts';
import { splitOf } from '../split.ts';
import { install, keep, oldWorkers, quiesce, reload } from './configuring.ts';
import { generationName, moveSteps, prepareStep, proofStep, type Made } from './generation-steps.ts';

/** Who runs the command; what every record says of its author. */
export interface Author {
  readonly token: number;
  readonly holder: string;
  readonly by: string;
  readonly command: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** The service's job that it is; absent: a person typed it. */
  readonly job?: string;
}

/** What a configuration lacks where canary.header has changed since. */
const HEADER = 'canary.header as the inventory has it';
/** How many releases a record remembers to have served. */
const SERVED = 50;
/** How many jobs of the service. */
const JOBS = 100;

/** Who, with what, and when: for an intent. */
export const authored = ({ by: who, command, at, job }: Author): Pick<Intent, 'by' | 'command' | 'at' | 'job'> => ({
  ...(job === undefined ? {} : { job }),
  by: who,
  command,
  at,
});

/** What a table names. */
interface Routed {
  /** The group that serves; where a split lives, its baseline's. */
  readonly group: string;
  readonly split: { readonly of: Split; readonly canary: string } | null;
  /** Answers end their connections. */
  readonly closing?: boolean;
}

const routedBy = (split: Split | null, canary: Group | null): Routed['split'] =>
  split === null || canary === null ? null : { of: split, canary: canary.name };

/** What a flip is about to change of a backend. */
type Coming = Pick<BackendRecord, 'rotation' | 'reason' | 'by' | 'slot' | 'release' | 'former'>;

/**
 * The routing as a plan goes along: each flip is a new generation, one number higher on every balancer, with its record. A group that the
 * loaded configuration lacks is declared before the flip that needs it, together with those that will be needed after it.
 * What was said of a host is in no record before the flip that makes it so.
 */
export class Routing {
  readonly #inventory: Inventory;
  readonly #view: FleetView;
  readonly #author: Author;
  /** What `live` names on each balancer. */
  readonly #live = new Map<string, string>();
  /** sha256 of the configuration's file on each balancer, or `none`. */
  readonly #files = new Map<string, string>();
  /** As the last flip left it. */
  readonly #backends: Record<string, BackendRecord> = {};
  readonly #coming = new Map<string, Coming>();
  /** Names of the groups that Nginx has loaded, once this plan has declared some; before, the view tells. */
  #loaded: ReadonlySet<string> | undefined;
  readonly #missing = new Set<string>();
  #generation: number;
  /** The group that serves since the last flip, as the inventory has it. */
  #group: Group;
  /** That of the canary's arm, where a split lives. */
  #beside: Group | null;
  /** What the live table names: the same group, unless the inventory has lost a backend since, and the canary's where a split lives. */
  #routed: Routed;
  #intent: Intent | null;
  /** Two releases side by side, as the next flip has it; and the last of them that is over. */
  #split: Split | null;
  #ended: EndedSplit | null;
  /** The release that the next flip ends with; undefined: it is not the end. */
  #finished: { readonly release: string | null; readonly from: string | null } | undefined;
  #served: readonly string[];
  readonly #jobs: readonly string[];
  #upcoming: readonly Group[] = [];
  /** What the last flip wrote. */
  #written: GenerationRecord | undefined;

  /**
   * `intent`: what is begun, told by every record until `finish`. A backend that the record does not know is out until its first roll,
   * unless it is one of `joining`, or there is no record yet.
   */
  constructor(
    inventory: Inventory,
    view: FleetView,
    author: Author,
    intent: Intent | null,
    joining: ReadonlySet<string> = new Set(),
  ) {
    this.#inventory = inventory;
    this.#view = view;
    this.#author = author;
    this.#generation = highestGeneration(view);
    this.#intent = intent;
    for (const [name, balancer] of seenBalancers(view)) {
      this.#live.set(name, balancer.link);
      this.#files.set(name, balancer.file);
    }
    const record = newestRecord(view);
    this.#split = splitOf(record);
    this.#ended = record?.ended ?? null;
    this.#served = record?.served ?? [];
    const jobs = (record?.jobs ?? []).filter((job) => job !== author.job);
    this.#jobs = author.job === undefined ? jobs : [...jobs, author.job].slice(-JOBS);
    for (const backend of inventory.backends) {
      const { name } = backend;
      const seen = view.backends[name];
      const running = seen?.kind === 'seen' && seen.running !== 'unsure' ? seen.running : null;
      // What another command moved over may have been started anew since, or ended.
      const { slot: port = portOf(backend, false), former: _, ...known } = record?.backends[name] ?? {};
      const since = `@time:${this.#generation + 1}`;
      const slot = hasTwo(backend) ? { slot: port } : {};
      if ('rotation' in known)
        this.#backends[name] = { ...known, release: seen?.kind === 'seen' ? running : known.release, ...slot };
      else if (record === null || joining.has(name))
        this.#backends[name] = { rotation: 'in', since, release: running, ...slot };
      else this.#backends[name] = { rotation: 'out', reason: NEW, since, release: running, ...slot };
    }
    this.#group = this.#next();
    this.#beside = this.#canary();
    const live = record === null ? this.#group.name : groupOfLane(record.table['stable'] ?? this.#group.name);
    // Where backends had one slot and now have two, `all` comes to mean both: what a text does not know goes where it went.
    const canary = record?.table['canary'];
    this.#routed = {
      group: live === fallback.name ? this.#group.name : live,
      split: canary === undefined || this.#split === null ? null : { of: this.#split, canary: groupOfLane(canary) },
    };
  }

  /** Who is out of rotation, in the inventory's order, with what the next flip will change. */
  get out(): string[] {
    return this.#who('out');
  }

  get in(): string[] {
    return this.#who('in');
  }

  #who(rotation: Coming['rotation']): string[] {
    return Object.keys(this.#backends).filter((name) => this.#now(name)?.rotation === rotation);
  }

  #now(name: string): Coming | undefined {
    return this.#coming.get(name) ?? this.#backends[name];
  }

  /** The group that the next flip makes serve. */
  #next(): Group {
    const backends = Object.fromEntries(
      Object.entries(this.#backends).map(([name, known]) => [name, { ...known, ...this.#coming.get(name) }]),
    );
    const out = new Set([...this.out, ...(this.#split?.hosts ?? [])]);
    return groupOf(out, this.#inventory, secondOf({ backends }, this.#inventory));
  }

  /**
   * The group of the canary's arm: the slots that do not serve, of all that are in rotation; or its own hosts. Where none of those is left,
   * its users go to the others.
   */
  #canary(): Group | null {
    if (this.#split === null) return null;
    const { hosts } = this.#split;
    if (hosts !== undefined) {
      const well = this.in.filter((name) => hosts.includes(name));
      if (well.length === 0) return this.#next();
      const others = this.#inventory.backends.map(({ name }) => name).filter((name) => !well.includes(name));
      return groupOf(new Set(others), this.#inventory);
    }
    const { out, second } = this.#next();
    const without = new Set([...out, ...(this.#split.without ?? [])]);
    if (this.in.every((name) => without.has(name))) return this.#next();
    const other = [...beside(this.#inventory)].filter((name) => !second.includes(name));
    return groupOf(without, this.#inventory, new Set(other));
  }

  /** From the next flip on two releases stand side by side. */
  set split(split: Split) {
    this.#split = split;
  }

  /** From the next flip on one release serves alone again. */
  endSplit(how: EndedSplit['how']): void {
    this.#ended = this.#over(how);
    this.#split = null;
  }

  #over(how: EndedSplit['how']): EndedSplit | null {
    return this.#split === null ? this.#ended : { ...this.#split, how, over: `@time:${this.#generation + 1}` };
  }

  /** The table as the next flip makes it. */
  get table(): { readonly out: ReadonlySet<string>; readonly second: ReadonlySet<string> } {
    const { out, second } = this.#next();
    return { out: new Set(out), second: new Set(second) };
  }

  /** The groups that the flips so far need and that a balancer has not loaded as the inventory wants them. */
  get missing(): string[] {
    return [...this.#missing];
  }

  /** Whether something was begun that no record has told the end of. */
  get unfinished(): boolean {
    return this.#intent !== null;
  }

  get generation(): number {
    return this.#generation;
  }

  /** What later flips make, in order: what is declared is declared in portions of them. */
  set upcoming(tables: readonly Routing['table'][]) {
    this.#upcoming = tables.map(({ out, second }) => groupOf(out, this.#inventory, second));
  }

  reasonOf(name: string): string | undefined {
    return this.#now(name)?.reason;
  }

  /** The release that a backend is known to run. */
  releaseOf(name: string): string | null {
    return this.#backends[name]?.release ?? null;
  }

  /** The port of the slot that serves, where a backend has two. */
  slotOf(name: string): number | undefined {
    return this.#backends[name]?.slot;
  }

  served(name: string, release: string): void {
    const backend = this.#backends[name];
    if (backend !== undefined) this.#backends[name] = { ...backend, release };
  }

  takeOut(name: string, reason: string): void {
    this.#change(name, ({ slot, release, former }) => ({
      rotation: 'out',
      reason,
      by: this.#author.by,
      ...slotted(slot, former),
      release,
    }));
  }

  putIn(name: string): void {
    this.#change(name, ({ slot, release, former }) => ({ rotation: 'in', ...slotted(slot, former), release }));
  }

  /** Its other slot serves, with what runs there. */
  moveOver(name: string, slot: number, release: string): void {
    this.#change(name, ({ release: former, ...now }) => ({
      ...now,
      slot,
      release,
      ...(former === null ? {} : { former }),
    }));
  }

  #change(name: string, how: (now: Coming) => Coming): void {
    const now = this.#now(name);
    if (now !== undefined) this.#coming.set(name, how(now));
  }

  /** The next flip's record says that nothing is left of what was begun, and that the release serves; null: none is brought to serve. `from`: what served until then. */
  finish(release: string | null, from: string | null = null): void {
    this.#finished = { release, from };
  }

  /** The phases that make what was said so far true on every balancer; the last of them is the flip itself. */
  flip(title: string, batch?: Phase['batch']): Phase[] {
    const group = this.#next();
    const canary = this.#canary();
    const live = this.#inventory.nginx.switch === 'live';
    const before = live ? this.#declare(group, canary) : [];
    this.#settle();
    this.#group = group;
    this.#beside = canary;
    this.#routed = { group: group.name, split: routedBy(this.#split, canary) };
    const steps = live ? this.#move(this.#routed, group.name) : this.#rewrite(group);
    this.#upcoming = this.#upcoming.slice(this.#upcoming.findIndex(({ name }) => name === group.name) + 1);
    const flip = { name: 'flip', title, ...(batch === undefined ? {} : { batch }) } as const;
    const rotation = { in: this.in, out: this.out };
    return [...before, { ...flip, rotation, tracks: [{ host: whom(this.#hosts), steps }] }];
  }

  /** What was said so far goes into the records from now on. */
  #settle(): void {
    for (const [name, coming] of this.#coming) {
      const known = this.#backends[name];
      if (known === undefined) continue;
      const since = coming.rotation === known.rotation ? known.since : `@time:${this.#generation + 1}`;
      const { rotation, reason, by, slot, release, former } = coming;
      const why = { ...(reason === undefined ? {} : { reason }), ...(by === undefined ? {} : { by }) };
      this.#backends[name] = { rotation, ...why, since, release, ...slotted(slot, former) };
    }
    this.#coming.clear();
    if (this.#finished === undefined) return;
    // What it came from has served too: the first record may not have told it.
    const { release, from } = this.#finished;
    const names = [this.#intent?.from ?? null, from, release].filter((name) => name !== null);
    this.#served = [...new Set([...this.#served, ...names])].slice(-SERVED);
    this.#intent = null;
  }

  /** The fleet as it is once what was planned so far has been run: what the next plan stands on. */
  seenAfter(): FleetView {
    const view = this.#view;
    const backends = Object.fromEntries(
      Object.entries(view.backends).map(([name, seen]) => [
        name,
        seen.kind === 'seen' && name in this.#backends
          ? { ...turned(seen, this.slotOf(name)), running: this.releaseOf(name) }
          : seen,
      ]),
    );
    const record = this.#written;
    if (record === undefined) return { ...view, backends };
    const { generation } = record;
    const flipped = seenBalancers(view).map(([name, seen]): [string, BalancerView] => [
      name,
      {
        ...seen,
        live: generation,
        link: generationName(generation),
        highest: generation,
        serves: true,
        record,
        good: record,
        digests: new Map([...seen.digests, [generation, generationName(generation)]]),
        vouched: true,
        sends: null,
        edits: [],
        file: this.#files.get(name) ?? seen.file,
        unloaded: false,
        declares: (group, of = this.#inventory) => this.#declaresAfter(seen, group, of),
      },
    ]);
    return { ...view, backends, balancers: { ...view.balancers, ...Object.fromEntries(flipped) } };
  }

  #declaresAfter(before: SeenBalancer, group: Group, of: Inventory): boolean {
    const names = ({ backends }: Inventory): string => backends.map(({ name }) => name).join();
    const same = names(of) === names(this.#inventory);
    if (this.#inventory.nginx.switch === 'reload') return same && group.name === this.#group.name;
    return this.#loaded === undefined ? before.declares(group, of) : same && this.#loaded.has(group.name);
  }

  get #hosts(): string[] {
    return [...this.#live.keys()];
  }

  /** A new generation: prepared on all balancers, flipped on all, then proved by what a worker of `serving` resolves. */
  #move(routed: Routed, told: string, serving: readonly string[] = this.#hosts): Step[] {
    const made = this.#made(routed, told);
    const calls = this.#hosts.map((host) => ({ host, expected: this.#live.get(host) ?? 'none' }));
    for (const host of this.#hosts) this.#live.set(host, made.number);
    return [...moveSteps(this.#inventory, calls, made), proofStep(this.#inventory, made.number, serving)];
  }

  /** The next generation. */
  #made({ group, split, closing = false }: Routed, told: string): Made {
    this.#generation += 1;
    const table = tableOf(group, split, closing);
    return { number: generationName(this.#generation), table, record: this.#record(table, split?.of ?? null), told };
  }

  /**
   * The steps that make, on each balancer, the generation after the present one: everybody with one release, the one that serves now where
   * nothing else was said.
   * It serves nobody until somebody lets `live` name it. `calls`: for each balancer what serves there, and the name of that generation.
   */
  standby(how: 'unwatched' | 'ended' = 'unwatched'): {
    readonly steps: readonly Step[];
    readonly calls: readonly Call[];
  } {
    this.#ended = this.#over(how);
    // What was said so far is of that generation too: on an A/B window's end everybody may go over to the other side.
    const over = this.#coming.size > 0;
    const group = over ? this.#next().name : this.#routed.group;
    if (over) this.#settle();
    const made = this.#made({ group, split: null }, 'everybody to one release');
    const calls = [...this.#live].map(([host, live]) => ({ host, args: [live, made.number] }));
    return { steps: [prepareStep(this.#inventory, this.#hosts, made)], calls };
  }

  /**
   * A loaded configuration with the group, where it has not got it yet: new text with the same routing, tested, reloaded, proved; then it
   * can be used. The group that serves stands first in it: what a new text lacks falls to all.
   */
  #declare(group: Group, canary: Group | null): Phase[] {
    const lacking = [group, ...(canary === null ? [] : [canary])].filter((each) => !this.#declares(each));
    // Who may choose a side matters when there begin to be two.
    const begins = canary !== null && this.#beside === null && this.#loaded === undefined;
    const stale = begins && seenBalancers(this.#view).some(([, seen]) => seen.stale);
    if (lacking.length === 0 && !stale) return [];
    for (const { name } of lacking) this.#missing.add(name);
    if (stale) this.#missing.add(HEADER);
    if (this.#inventory.nginx.configuration === 'fixed') return [];
    const usual = new Set(declaredGroups(this.#inventory).map(({ name }) => name));
    const living = this.#beside === null ? [] : [this.#beside];
    const wanted = new Map([this.#group, ...living, ...lacking, ...this.#upcoming].map((each) => [each.name, each]));
    const further = [...wanted.values()].filter(({ name }) => !usual.has(name));
    const [portion = []] = portions(this.#inventory, further);
    const serving = seenBalancers(this.#view).flatMap(([name, { serves }]) =>
      serves || this.#loaded !== undefined ? [name] : [],
    );
    this.#loaded = new Set(declaredGroups(this.#inventory, portion).map(({ name }) => name));
    // Its name may tell of a backend that the inventory has lost: then no other text has it, and it would fall to all.
    const { group: lived } = this.#routed;
    const lane = this.#loaded.has(lived) ? [] : [{ ...this.#group, name: lived }];
    const closing = (): Step[] => [
      ...this.#move({ ...this.#routed, closing: true }, 'answers end their connections', serving),
      quiesce(this.#inventory, serving),
    ];
    const steps = [
      this.#install(this.#view.configuration([...portion, ...lane], this.#inventory)),
      ...(serving.length > 0 ? closing() : []),
      reload(this.#inventory, this.#hosts),
      keep(this.#inventory, this.#hosts),
      ...(serving.length > 0 ? this.#move({ ...this.#routed, group: this.#group.name }, this.#group.name) : []),
      // To an old worker that still reads an upload the new group is unknown: it would send it to all.
      ...(serving.length > 0 ? [oldWorkers(this.#inventory, serving, 'proceed')] : []),
    ];
    const names = [...lacking.map(({ name }) => name), ...(stale ? [HEADER] : [])].join(', ');
    const title = `declare what Nginx has not loaded yet (${names}): one reload on each balancer`;
    return [{ name: 'declare', title, tracks: [{ host: whom(this.#hosts), steps }] }];
  }

  #declares(group: Group): boolean {
    return (
      this.#loaded?.has(group.name) ??
      seenBalancers(this.#view).every(([, seen]) => seen.declares(group, this.#inventory))
    );
  }

  /** For nginx.switch: reload. The upstream is rewritten with its marks, Nginx reloaded, and its old workers waited for; the generation keeps the record. */
  #rewrite(group: Group): Step[] {
    return [
      this.#install(this.#view.configuration([group], this.#inventory)),
      reload(this.#inventory, this.#hosts),
      keep(this.#inventory, this.#hosts),
      oldWorkers(this.#inventory, this.#hosts),
      ...this.#move({ group: group.name, split: null }, group.name),
    ];
  }

  #install(text: string): RunStep {
    const step = install(this.#inventory, this.#files, this.#view.seal?.(text) ?? text);
    for (const host of this.#hosts) this.#files.set(host, createHash('sha256').update(text).digest('hex'));
    return step;
  }

  /** The record's text: one line, always the same bytes for the same plan. `@time:N` is the time of the flip to generation N, which the loop fills in. */
  #record(table: Readonly<Record<string, string>>, split: Split | null): string {
    const { token, holder, command, by } = this.#author;
    const value: GenerationRecord = {
      version: 1,
      app: this.#inventory.app,
      generation: this.#generation,
      table: { ...table },
      backends: this.#backends,
      intent: this.#intent,
      ...(split === null ? {} : { split }),
      ...(this.#ended === null ? {} : { ended: this.#ended }),
      ...(this.#served.length === 0 ? {} : { served: [...this.#served] }),
      ...(this.#jobs.length === 0 ? {} : { jobs: [...this.#jobs] }),
      token,
      holder,
      command,
      by,
      at: `@time:${this.#generation}`,
    };
    this.#written = { ...value, backends: { ...this.#backends } };
    return `${JSON.stringify(value)}\n`;
  }
}

const slotted = (slot: number | undefined, former: string | undefined): Pick<BackendRecord, 'slot' | 'former'> => ({
  ...(slot === undefined ? {} : { slot }),
  ...(former === undefined ? {} : { former }),
});

const whom = (hosts: readonly string[]): string => (hosts.length === 1 ? (hosts[0] ?? '') : 'balancers');
