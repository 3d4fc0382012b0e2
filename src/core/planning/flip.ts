import { createHash } from 'node:crypto';
import type { Inventory } from '../inventory.ts';
import type { FleetView } from '../fleet.ts';
import type { Phase, ProbeStep, RunStep, Step } from '../plan.ts';
import type { BackendRecord, GenerationRecord, Intent } from '../record.ts';
import { splitSocket } from '../address.ts';
import { highestGeneration, newestRecord } from '../fleet.ts';
import { groupOf, portions, type Group } from '../routing/groups.ts';

const SCRIPT_DEADLINE = 60_000;
const ROUTING_DEADLINE = 5_000;
/** How long a reload may take until its new workers serve. */
const RELOAD_SECONDS = 30;

/** Who runs the command; what every record says of its author. */
export interface Author {
  readonly token: number;
  readonly holder: string;
  readonly by: string;
  readonly command: string;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/**
 * The routing as a plan goes along: each flip is a new generation, one number higher on every balancer, with its record. A group that the
 * loaded configuration lacks is declared before the flip that needs it, together with those that will be needed after it.
 * What `out` says is so once the last flip has been run.
 */
export class Routing {
  readonly #inventory: Inventory;
  readonly #view: FleetView;
  readonly #author: Author;
  readonly #live = new Map<string, number | null>();
  /** sha256 of the configuration's file on each balancer, or `none`. */
  readonly #files = new Map<string, string>();
  readonly #backends: Record<string, BackendRecord> = {};
  readonly #declared = new Map<string, boolean>();
  readonly #missing = new Map<string, Group>();
  #generation: number;
  #group: Group;
  intent: Intent | null;
  /** Sets that later flips take out, in order: what is declared is declared in portions of them. */
  upcoming: readonly ReadonlySet<string>[] = [];

  constructor(inventory: Inventory, view: FleetView, author: Author, intent: Intent | null) {
    this.#inventory = inventory;
    this.#view = view;
    this.#author = author;
    this.#generation = highestGeneration(view);
    this.intent = intent;
    for (const [name, balancer] of Object.entries(view.balancers))
      if (balancer.kind === 'seen') {
        this.#live.set(name, balancer.live);
        this.#files.set(name, balancer.file);
      }
    const record = newestRecord(view);
    for (const { name } of inventory.backends) {
      const seen = view.backends[name];
      const running = seen?.kind === 'seen' && seen.running !== 'unsure' ? seen.running : null;
      const known = record?.backends[name];
      this.#backends[name] =
        known === undefined
          ? { rotation: 'in', since: `@time:${this.#generation + 1}`, release: running }
          : { ...known, release: seen?.kind === 'seen' ? running : known.release };
    }
    this.#group = groupOf(new Set(this.out), inventory);
  }

  /** Who is out of rotation, in the inventory's order. */
  get out(): string[] {
    return Object.keys(this.#backends).filter((name) => this.#backends[name]?.rotation === 'out');
  }

  get in(): string[] {
    return Object.keys(this.#backends).filter((name) => this.#backends[name]?.rotation === 'in');
  }

  /** `lb1: out-web1`, for each group that the flips so far need and that a balancer has not loaded as the inventory wants it. */
  get missing(): string[] {
    return [...this.#missing.values()].map(({ name }) => name);
  }

  get generation(): number {
    return this.#generation;
  }

  reasonOf(name: string): string | undefined {
    return this.#backends[name]?.reason;
  }

  served(name: string, release: string): void {
    const backend = this.#backends[name];
    if (backend !== undefined) this.#backends[name] = { ...backend, release };
  }

  takeOut(name: string, reason: string): void {
    const release = this.#backends[name]?.release ?? null;
    this.#backends[name] = {
      rotation: 'out',
      reason,
      since: `@time:${this.#generation + 1}`,
      by: this.#author.by,
      release,
    };
  }

  putIn(name: string): void {
    this.#backends[name] = {
      rotation: 'in',
      since: `@time:${this.#generation + 1}`,
      release: this.#backends[name]?.release ?? null,
    };
  }

  /** The phases that make what was said so far true on every balancer; the last of them is the flip itself. */
  flip(title: string, batch?: Phase['batch']): Phase[] {
    const group = groupOf(new Set(this.out), this.#inventory);
    const before = this.#inventory.nginx.switch === 'live' ? this.#declare(group) : [];
    this.#group = group;
    const flip = {
      name: 'flip',
      title,
      ...(batch === undefined ? {} : { batch }),
      rotation: { in: this.in, out: this.out },
    } as const;
    const steps = this.#inventory.nginx.switch === 'live' ? this.#move(group.name, group.name) : this.#rewrite(group);
    return [...before, { ...flip, tracks: [{ host: this.#whom, steps }] }];
  }

  get #hosts(): string[] {
    return [...this.#live.keys()];
  }

  get #whom(): string {
    return this.#hosts.length === 1 ? (this.#hosts[0] ?? '') : 'balancers';
  }

  /** A new generation: prepared on all balancers, flipped on all, then proved by what a worker resolves. `folder` is the group's, or its closing twin's. */
  #move(folder: string, told: string): Step[] {
    this.#generation += 1;
    const { folder: routing } = this.#inventory.nginx;
    const number = generationName(this.#generation);
    const common = { kind: 'run', fence: routing, deadline: SCRIPT_DEADLINE } as const;
    const input = this.#record(folder);
    const undo = 'a new generation with the table of the one before';
    const calls = this.#hosts.map((host) => ({ host, expected: generationName(this.#live.get(host) ?? null) }));
    const lane = `stable=${folder}`;
    const steps: RunStep[] =
      calls.length === 1
        ? [
            {
              ...common,
              say: `flip to generation ${number}: ${told}`,
              script: 'move',
              calls: calls.map(({ host, expected }) => ({ host, args: [expected, number, lane] })),
              input,
              undo,
            },
          ]
        : [
            {
              ...common,
              say: `prepare generation ${number} on all balancers: ${told}`,
              script: 'prepare',
              calls: calls.map(({ host }) => ({ host, args: [number, lane] })),
              input,
            },
            {
              ...common,
              say: `flip to generation ${number}`,
              script: 'flip',
              calls: calls.map(({ host, expected }) => ({ host, args: [expected, number] })),
              undo,
            },
          ];
    for (const host of this.#hosts) this.#live.set(host, this.#generation);
    return [...steps, this.#proof('/generation', `${routing}/generations/${number}/self`, `generation ${number}`)];
  }

  /** A loaded configuration with the group, where it has not got it yet: new text with the same routing, tested, reloaded, proved; then it can be used. */
  #declare(group: Group): Phase[] {
    const { nginx, backends } = this.#inventory;
    if (this.#declares(group)) return [];
    this.#missing.set(group.name, group);
    if (nginx.configuration === 'fixed') return [];
    const later = this.upcoming.filter((out) => !this.#declares(groupOf(out, this.#inventory)));
    const wanted = [new Set(group.out), ...later, new Set(this.#group.out)].filter((out) => out.size < backends.length);
    const text = this.#view.configuration(portions(this.#inventory, wanted)[0] ?? []);
    for (const out of [...(portions(this.#inventory, wanted)[0] ?? []), new Set<string>()])
      this.#declared.set(groupOf(out, this.#inventory).name, true);
    this.#declared.set(group.name, true);
    const served = Object.values(this.#view.balancers).every((balancer) => balancer.kind !== 'seen' || balancer.serves);
    return [
      {
        name: 'declare',
        title: `declare what Nginx has not loaded yet (${group.name}): one reload on each balancer`,
        tracks: [
          {
            host: this.#whom,
            steps: [
              this.#install(text),
              ...(served
                ? [...this.#move(`closing-${this.#group.name}`, 'answers end their connections'), this.#quiesce()]
                : []),
              this.#reload(),
              this.#keep(),
              ...(served ? this.#move(this.#group.name, this.#group.name) : []),
            ],
          },
        ],
      },
    ];
  }

  #declares(group: Group): boolean {
    const known = this.#declared.get(group.name);
    if (known !== undefined) return known;
    const right = Object.values(this.#view.balancers).every(
      (balancer) => balancer.kind !== 'seen' || balancer.declares(group),
    );
    this.#declared.set(group.name, right);
    return right;
  }

  /** For nginx.switch: reload. The upstream is rewritten with its marks, Nginx reloaded, and its old workers waited for; the generation keeps the record. */
  #rewrite(group: Group): Step[] {
    return [
      this.#install(this.#view.configuration([new Set(group.out)])),
      reload(this.#inventory, this.#hosts),
      keep(this.#inventory, this.#hosts),
      oldWorkers(this.#inventory, this.#hosts),
      ...this.#move(group.name, group.name),
    ];
  }

  #install(text: string): RunStep {
    const step = install(this.#inventory, this.#files, text);
    for (const host of this.#hosts) this.#files.set(host, createHash('sha256').update(text).digest('hex'));
    return step;
  }

  #proof(path: string, body: string, of: string): ProbeStep {
    return {
      kind: 'probe',
      say: `see that Nginx serves ${of}`,
      host: this.#hosts.join(', '),
      through: this.#hosts,
      ...splitSocket(this.#inventory.nginx.status),
      path,
      hostHeader: `orchestrate-${this.#inventory.app}`,
      headers: {},
      status: 200,
      body,
      consecutive: 1,
      parallel: 1,
      interval: 50,
      timeout: 2000,
      deadline: ROUTING_DEADLINE,
    };
  }

  /** The record's text: one line, always the same bytes for the same plan. `@time:N` is the time of the flip to generation N, which the loop fills in. */
  #record(folder: string): string {
    const { token, holder, command, by } = this.#author;
    const value: GenerationRecord = {
      version: 1,
      app: this.#inventory.app,
      generation: this.#generation,
      table: { stable: folder },
      backends: this.#backends,
      intent: this.intent,
      token,
      holder,
      command,
      by,
      at: `@time:${this.#generation}`,
    };
    return `${JSON.stringify(value)}\n`;
  }
}

/** A generation's folder name; `none` before the first. */
export const generationName = (generation: number | null): string =>
  generation === null ? 'none' : String(generation).padStart(6, '0');
