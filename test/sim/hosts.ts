import { groupOfLane } from '../../src/core/routing/lanes.ts';
import { parseConfiguration, type ParsedConfiguration } from '../../src/core/routing/parse.ts';
import type { Machine } from './machine.ts';
import type { Chance } from './time.ts';

/** A worker of Nginx with the configuration that it has loaded. */
export interface Worker {
  readonly pid: number;
  readonly start: number;
  readonly text: string | null;
  /** It only answers what it had begun. */
  ending: boolean;
}

export interface Generation {
  /** The folder that the lane stable leads to. */
  readonly lane: string;
  /** All other lanes, with the folders that they lead to: a canary's. */
  readonly others?: ReadonlyMap<string, string>;
  readonly record: string;
}

export interface LeaseFile {
  readonly token: number;
  readonly holder: string;
  readonly term: number;
  readonly boot: string;
  readonly until: number;
  readonly details: string;
}

/** What is on a balancer's disk, and its Nginx. */
export class SimBalancer {
  readonly machine: Machine;
  readonly generations = new Map<number, Generation>();
  live: number | null = null;
  lease: LeaseFile | null = null;
  file: string | null = null;
  /** undefined: no file `.former`; null: an empty one, there was no configuration before. */
  former: string | null | undefined;
  /** Names that only a script under way may leave. */
  readonly temporary = new Set<string>();
  workers: Worker[] = [];
  /** Requests of before a flip that have not reached a backend yet: until when, and which they may be passed on to. */
  connecting: { readonly until: number; readonly among: ReadonlySet<SimSlot> }[] = [];
  /** FOLDER/reloaded: the text that a reload has proved to be loaded, and its workers. */
  reloaded: { readonly text: string | null; readonly workers: readonly Worker[] } | undefined;
  /** FOLDER/flipped: what `live` was made to name last; undefined: by rolls of before, which left no word of it. */
  flipped: number | undefined;
  /** The canary whose requests are added up; a process, which a power cut ends. */
  follower: { readonly name: string; readonly boot: string } | undefined;
  /** Since when its clients are let go, in a closing generation. */
  quiesced = false;
  #pids = 100;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** New workers with what the file says. Those of before only end what they have begun. */
  load(ending: readonly Worker[] = []): void {
    const start = Math.floor(this.machine.uptime * 100);
    const fresh = [0, 1].map((): Worker => ({ pid: (this.#pids += 1), start, text: this.file, ending: false }));
    for (const worker of ending) worker.ending = true;
    this.workers = [...ending, ...fresh];
  }

  /** What its serving workers have loaded. */
  get loaded(): string | null {
    return this.workers.find(({ ending }) => !ending)?.text ?? null;
  }

  /** The one rename that moves the traffic, and the word of it. */
  flip(generation: number): void {
    this.live = generation;
    this.flipped = generation;
    this.quiesced = false;
  }

  powerCut(): void {
    this.machine.powerCut();
    this.workers = [];
    this.connecting = [];
  }

  powerOn(): void {
    this.machine.powerOn();
    const { boot } = this.machine;
    this.machine.time.after(600, () => {
      if (this.machine.boot === boot && this.machine.up) this.load();
    });
  }

  get lane(): string {
    return this.live === null ? '' : (this.generations.get(this.live)?.lane ?? '');
  }

  /** The folders that its lanes lead to. */
  get folders(): ReadonlySet<string> {
    const { others } = this.generations.get(this.live ?? -1) ?? {};
    return new Set([this.lane, ...(others?.values() ?? [])]);
  }
}

export interface Process {
  readonly pid: number;
  readonly start: number;
  readonly release: string;
  readonly well: boolean;
}

/** One slot of a backend: what its wrapper runs. */
export class SimSlot {
  readonly backend: SimBackend;
  readonly port: number;
  /** The release that slots/PORT names, or `current`; null: there is no such link. */
  link: string | null = null;
  process: Process | null = null;
  /** FOLDER/switched-PORT: what was started under which token. */
  switched: { readonly token: string; readonly process: Process } | undefined;
  /** FOLDER/linger-PORT */
  linger: { readonly boot: string; readonly until: number } | undefined;
  /** When the last request that a balancer has begun is answered. */
  busy = 0;
  #starting = false;

  constructor(backend: SimBackend, port: number) {
    this.backend = backend;
    this.port = port;
  }

  get name(): string {
    return `${this.backend.machine.name} ${this.port}`;
  }

  /** What a start now would serve. */
  get serves(): string | null {
    return this.link === 'current' ? this.backend.current : this.link;
  }

  /** The process ends; the wrapper starts what the link names then. */
  end(): void {
    this.process = null;
    this.busy = 0;
    this.start();
  }

  start(after = 250): void {
    const { backend } = this;
    const { machine } = backend;
    if (this.#starting || this.process !== null || !backend.wrapper || !machine.up) return;
    this.#starting = true;
    const { boot } = machine;
    machine.time.after(after, () => {
      this.#starting = false;
      if (machine.boot !== boot || !machine.up || !backend.wrapper || this.process !== null) return;
      const release = this.serves;
      if (release === null || !backend.releases.has(release)) return;
      const ill = backend.broken.get(release);
      if (ill === 'ends') {
        this.start(1000);
        return;
      }
      const start = Math.floor(machine.uptime * 100);
      this.process = { pid: backend.nextPid(), start, release, well: ill === undefined };
    });
  }

  powerCut(): void {
    this.process = null;
    this.busy = 0;
    this.#starting = false;
  }
}

/** What is on a backend's disk, and its slots. */
export class SimBackend {
  readonly machine: Machine;
  readonly slots: ReadonlyMap<number, SimSlot>;
  /** By name: the release.json; null: there is none, it is half-made. */
  readonly releases = new Map<string, string | null>();
  /** By key, whether it is complete. */
  readonly virtualenvs = new Map<string, boolean>();
  current: string | null = null;
  previous: string | null = null;
  readonly temporary = new Set<string>();
  /** The wrappers run: each starts what its link names whenever nothing runs. */
  wrapper = true;
  /** FOLDER/one-way */
  oneWay: string | undefined;
  /** What does not start here, or starts and is not well. */
  readonly broken = new Map<string, 'ends' | 'ill'>();
  /** Somebody or something else than the program ended a process of it, or may have. */
  struck = false;
  #pids = 1000;

  constructor(machine: Machine, ports: readonly number[]) {
    this.machine = machine;
    this.slots = new Map(ports.map((port) => [port, new SimSlot(this, port)]));
  }

  slot(port: number): SimSlot {
    const slot = this.slots.get(port);
    if (slot === undefined) throw new Error(`${this.machine.name} has no slot ${port}`);
    return slot;
  }

  nextPid(): number {
    this.#pids += 1;
    return this.#pids;
  }

  /** The links of a release: `previous` is what was current. */
  follow(release: string): void {
    if (this.current === release) return;
    if (this.current !== null && this.releases.has(this.current)) this.previous = this.current;
    this.current = release;
  }

  powerCut(): void {
    this.machine.powerCut();
    for (const slot of this.slots.values()) slot.powerCut();
    this.wrapper = false;
    this.struck = true;
  }

  powerOn(): void {
    this.machine.powerOn();
    this.machine.time.after(800, () => {
      this.wrapper = true;
      for (const slot of this.slots.values()) slot.start();
    });
  }
}

const parsed = new Map<string, ParsedConfiguration>();

function read(text: string): ParsedConfiguration {
  let found = parsed.get(text);
  if (found === undefined) {
    const result = parseConfiguration(text);
    if ('problem' in result) throw new Error(result.problem);
    found = result;
    parsed.set(text, found);
  }
  return found;
}

/** The upstream that a configuration's worker sends to while a group serves, as `address:port` of those not marked down. */
export function upstream(text: string, app: string, live: boolean, group: string): string[] {
  const { upstreams, maps } = read(text);
  const mapped = maps.get(`$${app}_upstream`);
  const name = live ? (mapped?.get(group) ?? mapped?.get('default') ?? '') : app;
  return (upstreams.get(name) ?? []).flatMap(({ address, parameters }) =>
    parameters.includes('down') ? [] : [address],
  );
}

export const digestIn = (text: string): string => read(text).digest ?? '';

export const groupIn = groupOfLane;

/** How long a request may take that a balancer had begun when its backend left rotation. */
export function durationOf(chance: Chance, calm: boolean): number {
  const kind = chance.next();
  if (kind < 0.7) return chance.between(5, 300);
  return calm || kind < 0.99 ? chance.between(300, 4000) : chance.between(20_000, 45_000);
}
