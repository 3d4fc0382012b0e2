import type { Inventory } from '../inventory.ts';
import type { FleetView } from '../fleet.ts';
import type { Phase, ProbeStep, RunStep, Track } from '../plan.ts';
import type { BackendRecord, GenerationRecord, Intent } from '../record.ts';
import { splitSocket } from '../address.ts';
import { highestGeneration, newestRecord } from '../fleet.ts';
import { groupOf, type Group } from '../routing/groups.ts';

const SCRIPT_DEADLINE = 60_000;
const ROUTING_DEADLINE = 5_000;

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
 * The routing as a plan goes along: each flip is a new generation, one number higher on every balancer, with its record.
 * What `out` says is so once the last flip has been run.
 */
export class Routing {
  readonly #inventory: Inventory;
  readonly #author: Author;
  readonly #live = new Map<string, number | null>();
  readonly #backends: Record<string, BackendRecord> = {};
  readonly #groups = new Map<string, Group>();
  #generation: number;
  #flips = 0;
  intent: Intent | null;

  constructor(inventory: Inventory, view: FleetView, author: Author, intent: Intent | null) {
    this.#inventory = inventory;
    this.#author = author;
    this.#generation = highestGeneration(view);
    this.intent = intent;
    for (const [name, balancer] of Object.entries(view.balancers))
      if (balancer.kind === 'seen') this.#live.set(name, balancer.live);
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
  }

  /** Who is out of rotation, in the inventory's order. */
  get out(): string[] {
    return Object.keys(this.#backends).filter((name) => this.#backends[name]?.rotation === 'out');
  }

  get in(): string[] {
    return Object.keys(this.#backends).filter((name) => this.#backends[name]?.rotation === 'in');
  }

  /** The groups that the flips so far need. */
  get groups(): Group[] {
    return [...this.#groups.values()];
  }

  get flips(): number {
    return this.#flips;
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
    this.#backends[name] = { rotation: 'out', reason, since: `@time:${this.#generation + 1}`, by: this.#author.by, release };
  }

  putIn(name: string): void {
    this.#backends[name] = { rotation: 'in', since: `@time:${this.#generation + 1}`, release: this.#backends[name]?.release ?? null };
  }

  /** The phase that makes what was said so far true on every balancer: prepared on all, then flipped on all, then proved by what a worker resolves. */
  flip(title: string, batch?: Phase['batch']): Phase {
    this.#generation += 1;
    this.#flips += 1;
    const group = groupOf(new Set(this.out), this.#inventory);
    this.#groups.set(group.name, group);
    const { folder } = this.#inventory.nginx;
    const names = [...this.#live.keys()];
    const number = String(this.#generation).padStart(6, '0');
    const input = record(this.#generation, group.name, this.#backends, this.intent, this.#inventory.app, this.#author);
    const undo = 'a new generation with the table of the one before';
    const common = { kind: 'run', fence: folder, deadline: SCRIPT_DEADLINE } as const;
    const expected = (host: string): string => generationName(this.#live.get(host) ?? null);
    const steps: RunStep[] =
      names.length === 1
        ? [
            {
              ...common,
              say: `flip to generation ${number}: ${group.name}`,
              script: 'move',
              calls: names.map((host) => ({ host, args: [expected(host), number, `stable=${group.name}`] })),
              input,
              undo,
            },
          ]
        : [
            {
              ...common,
              say: `prepare generation ${number} on all balancers: ${group.name}`,
              script: 'prepare',
              calls: names.map((host) => ({ host, args: [number, `stable=${group.name}`] })),
              input,
            },
            {
              ...common,
              say: `flip to generation ${number}`,
              script: 'flip',
              calls: names.map((host) => ({ host, args: [expected(host), number] })),
              undo,
            },
          ];
    for (const host of names) this.#live.set(host, this.#generation);
    const first: Track = { host: names.length === 1 ? (names[0] ?? '') : 'balancers', steps: [...steps, this.#proof(names, number)] };
    return {
      name: 'flip',
      title,
      tracks: [first],
      ...(batch === undefined ? {} : { batch }),
      rotation: { in: this.in, out: this.out },
    };
  }

  #proof(hosts: readonly string[], number: string): ProbeStep {
    const { status, folder } = this.#inventory.nginx;
    return {
      kind: 'probe',
      say: `see that Nginx serves generation ${number}`,
      host: hosts.join(', '),
      through: hosts,
      ...splitSocket(status),
      path: '/generation',
      hostHeader: `orchestrate-${this.#inventory.app}`,
      headers: {},
      status: 200,
      body: `${folder}/generations/${number}/self`,
      consecutive: 1,
      parallel: 1,
      interval: 50,
      timeout: 2000,
      deadline: ROUTING_DEADLINE,
    };
  }
}

/** A generation's folder name; `none` before the first. */
export const generationName = (generation: number | null): string =>
  generation === null ? 'none' : String(generation).padStart(6, '0');

/** The record's text: one line, always the same bytes for the same plan. `@time:N` is the time of the flip to generation N, which the loop fills in. */
function record(
  generation: number,
  group: string,
  backends: Readonly<Record<string, BackendRecord>>,
  intent: Intent | null,
  app: string,
  author: Author,
): string {
  const value: GenerationRecord = {
    version: 1,
    app,
    generation,
    table: { stable: group },
    backends,
    intent,
    token: author.token,
    holder: author.holder,
    command: author.command,
    by: author.by,
    at: `@time:${generation}`,
  };
  return `${JSON.stringify(value)}\n`;
}
