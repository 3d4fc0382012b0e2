import { createHash } from 'node:crypto';
import type { Event } from '../../src/core/event.ts';
import type { Inventory } from '../../src/core/inventory.ts';
import { LOCAL } from '../../src/core/builder.ts';
import { serverAddress } from '../../src/core/routing/address.ts';
import { renderConfiguration } from '../../src/core/routing/configuration.ts';
import { declaredGroups, fallback, groupOf, type Group } from '../../src/core/routing/groups.ts';
import { formatRecord, parseRecord, type GenerationRecord } from '../../src/core/record.ts';
import { formatRelease, virtualenvKey, type Release } from '../../src/core/release.ts';
import { leastInRotation } from '../../src/core/planning/ground.ts';
import { beside } from '../../src/core/slots.ts';
import { template } from '../../src/fleet/templates.ts';
import { V0, V1, worldOf, type Wish, type World } from '../core/planning/world.ts';
import { durationOf, groupIn, SimBackend, SimBalancer, type SimSlot, upstream } from './hosts.ts';
import { Machine } from './machine.ts';
import { Chance, Time } from './time.ts';

export const PYTHON = '3.11.2';
export const PLATFORM = 'linux-x86_64 glibc 2.36';
/** Of every commit. */
export const REQUIREMENTS = { files: [{ path: 'requirements.txt', text: 'django\n' }], local: [] };
/** Midnight of the day on which the world begins. */
export const EPOCH = Date.UTC(2026, 10, 23);

export interface SimWish extends Wish {
  /** Migrations are pending; none of them breaks the release before. */
  readonly migrates?: boolean;
  readonly onFailure?: readonly [policy: Inventory['roll']['on_failure'], maxFailures: number];
}

/** One call of a script, for those who look at what was done. */
export interface Called {
  readonly at: number;
  readonly operator: string;
  readonly host: string;
  readonly script: string;
  readonly args: readonly string[];
  /** undefined: it has not ended, or was lost with its host. */
  code?: number;
}

/**
 * A fleet as it is: hosts with what is on their disks and what runs on them, and who may be sent to. It knows nothing of plans. What must
 * never happen becomes a violation, whoever made it happen.
 */
export class SimFleet {
  readonly time = new Time();
  readonly chance: Chance;
  readonly inventory: Inventory;
  readonly balancers = new Map<string, SimBalancer>();
  readonly backends = new Map<string, SimBackend>();
  /** Each operator's own machine, by `local NAME`: where it builds, releases lie there too. */
  readonly desks = new Map<string, SimBackend>();
  readonly machines = new Map<string, Machine>();
  readonly calls: Called[] = [];
  readonly violations: string[] = [];
  pending: boolean;
  /** No request takes longer than a drain may. */
  calm = false;
  /** What earlier commands that came to an end have left behind, by their numbers. */
  readonly past = new Map<number, readonly Event[]>();
  /** Milliseconds by which every wall clock is off. */
  jump = 0;
  /** By what a balancer's lines call them. */
  readonly #slots = new Map<string, SimSlot>();

  constructor(wish: SimWish = {}, seed = 1, inventory?: Inventory) {
    const world = worldOf(wish);
    this.chance = new Chance(seed);
    const { roll } = world.inventory;
    const [on_failure, max_failures] = wish.onFailure ?? [roll.on_failure, roll.max_failures];
    this.inventory = inventory ?? { ...world.inventory, roll: { ...roll, on_failure, max_failures } };
    this.pending = wish.migrates === true;
    for (const { name } of [...this.inventory.balancers, ...this.inventory.backends])
      this.machines.set(name, new Machine(name, this.time));
    for (const { name } of this.inventory.balancers) this.balancers.set(name, new SimBalancer(this.machine(name)));
    for (const backend of this.inventory.backends) {
      const made = new SimBackend(this.machine(backend.name), backend.slots);
      this.backends.set(backend.name, made);
      for (const [port, slot] of made.slots) this.#slots.set(serverAddress(backend, port), slot);
    }
    this.#furnish(wish, world);
  }

  machine(name: string): Machine {
    const machine = this.machines.get(name);
    if (machine === undefined) throw new Error(`no host ${name}`);
    return machine;
  }

  /** What a host of the inventory is to an operator: `local` is another machine for each of them. */
  named(host: string, operator: string): string {
    if (host !== LOCAL) return host;
    const name = `${LOCAL} ${operator}`;
    if (!this.desks.has(name)) {
      this.machines.set(name, new Machine(name, this.time));
      this.desks.set(name, new SimBackend(this.machine(name), []));
    }
    return name;
  }

  get now(): number {
    return EPOCH + this.time.now + this.jump;
  }

  /** As open.ts has it. */
  readonly configuration = (wanted: readonly Group[]): string => {
    const { inventory } = this;
    return rendered(
      inventory,
      inventory.nginx.switch === 'live'
        ? declaredGroups(inventory, wanted)
        : [wanted[0] ?? groupOf(new Set(), inventory)],
    );
  };

  /** What rolls of before have left. */
  #furnish(wish: SimWish, world: World): void {
    const { inventory } = this;
    for (const [name, backend] of this.backends) {
      const was = world.backends.get(name);
      if (was === undefined) continue;
      for (const release of was.releases) {
        backend.releases.set(release, formatRelease(this.manifest(release)));
        backend.virtualenvs.set(this.manifest(release).virtualenv, true);
      }
      backend.current = was.current;
      for (const [port, slot] of backend.slots) {
        const { link = null } = was.slots.get(port) ?? {};
        slot.link = backend.slots.size === 1 ? 'current' : link;
        slot.start(0);
      }
    }
    const serving = groupOf(new Set(wish.out ?? []), inventory, new Set(wish.second));
    const least = [fallback, ...(serving.name === fallback.name ? [] : [serving])];
    for (const [name, balancer] of this.balancers) {
      const was = world.balancers.get(name);
      if (was === undefined) continue;
      if (was.file !== null)
        balancer.file =
          wish.loaded === 'least' && inventory.nginx.switch === 'live'
            ? rendered(inventory, least)
            : this.configuration([serving]);
      balancer.load();
      if (was.live === null) continue;
      balancer.live = was.live;
      for (const [number, { lane, record }] of was.generations)
        balancer.generations.set(number, { lane, record: formatRecord({ ...record, served: [V0, V1] }) });
    }
  }

  /** A release of before. */
  manifest(release: string): Release {
    const { venv_args: venvArgs, commands } = this.inventory.build;
    return {
      version: 1,
      release,
      virtualenv: virtualenvKey({ ...REQUIREMENTS, python: PYTHON, platform: PLATFORM, venvArgs, commands }),
      commit: release.slice(-1).repeat(40),
      ref: 'main',
      subject: `release ${release}`,
      author: 'Ada',
      committed: '2026-11-01T00:00:00Z',
      built: '2026-11-01T00:00:00.000Z',
    };
  }

  never(what: string): void {
    this.violations.push(`${(this.time.now / 1000).toFixed(2)} s: ${what}`);
  }

  /** The record that the newest live generation has. */
  get record(): GenerationRecord | null {
    let newest: GenerationRecord | null = null;
    for (const { live, generations } of this.balancers.values()) {
      const read = live === null ? undefined : parseRecord(generations.get(live)?.record ?? '');
      if (read !== undefined && 'record' in read && read.record.generation > (newest?.generation ?? -1))
        newest = read.record;
    }
    return newest;
  }

  /** The slots to which the workers of a balancer may send what comes in now; with those that only end what they had begun, if asked. */
  sends(balancer: SimBalancer, ending = false): Set<SimSlot> {
    const found = new Set<SimSlot>();
    if (!balancer.machine.up) return found;
    const live = this.inventory.nginx.switch === 'live';
    for (const worker of balancer.workers) {
      if (worker.text === null || (worker.ending && !ending)) continue;
      for (const folder of balancer.folders)
        for (const address of upstream(worker.text, this.inventory.app, live, groupIn(folder))) {
          const slot = this.#slots.get(address);
          if (slot !== undefined) found.add(slot);
        }
    }
    return found;
  }

  /** Something changes what a balancer does with requests: those of before are still on their way. */
  moving(name: string, change: () => void): void {
    const balancer = this.balancers.get(name)!;
    const before = this.sends(balancer);
    const was = balancer.live;
    change();
    const after = this.sends(balancer);
    if (was !== null && balancer.live !== null && balancer.live < was)
      this.never(`${name} went from generation ${was} to ${balancer.live}`);
    const left = [...before].filter((slot) => !after.has(slot));
    const least = leastInRotation(this.inventory);
    const backends = (slots: ReadonlySet<SimSlot>): number => new Set([...slots].map(({ backend }) => backend)).size;
    if (backends(after) < least && backends(after) < backends(before))
      this.never(`${name} sends to ${backends(after)} backends, where ${least} is the least`);
    // What no flip chose, the group of every slot, tries the next where nobody listens.
    const chosen = groupIn(balancer.lane) !== fallback.name || beside(this.inventory).size === 0;
    for (const slot of after)
      if (!before.has(slot) && before.size > 0 && slot.process?.well !== true && !slot.backend.struck && chosen)
        this.never(`${slot.name} comes into rotation on ${name} and is not well`);
    for (const slot of left) this.#leave(slot);
    if (left.length > 0 && this.chance.next() < 0.2) this.#connect(balancer, before);
  }

  #leave(slot: SimSlot | undefined): void {
    if (slot !== undefined) slot.busy = Math.max(slot.busy, this.time.now + durationOf(this.chance, this.calm));
  }

  /** One that waits for a dead neighbour is passed on to another of those that were in when it came. */
  #connect(balancer: SimBalancer, among: ReadonlySet<SimSlot>): void {
    const each = { until: this.time.now + this.chance.between(0, 1000), among };
    balancer.connecting.push(each);
    this.time.after(each.until - this.time.now, () => {
      balancer.connecting = balancer.connecting.filter((other) => other !== each);
      if (balancer.machine.up) this.#leave(this.chance.one([...among]));
    });
  }

  /** Whether some request is, or may come, on a slot. */
  occupied(slot: SimSlot): string | undefined {
    for (const [host, balancer] of this.balancers)
      if (this.sends(balancer, this.inventory.nginx.switch === 'reload').has(slot)) return `${host} may send to it`;
    return slot.busy > this.time.now ? 'it has not answered all yet' : undefined;
  }

  /** What runs in a slot is about to be stopped. */
  stopping(slot: SimSlot): void {
    const why = this.occupied(slot);
    if (why !== undefined) this.never(`${slot.name} is stopped while ${why}`);
    for (const [host, { connecting }] of this.balancers)
      if (connecting.some(({ among }) => among.has(slot)))
        this.never(`${slot.name} is stopped while ${host} may pass a request on to it`);
  }

  /** The slot of a backend that serves, by the newest record. */
  serving(name: string): SimSlot {
    const backend = this.backends.get(name)!;
    const slots = [...backend.slots.values()];
    return backend.slots.get(this.record?.backends[name]?.slot ?? 0) ?? slots[0]!;
  }

  /** A script that has passed a fence changes something. */
  changed(host: string, folder: string, token: string, what: string): void {
    const seen = this.machine(host).fences.get(folder);
    if (seen !== undefined && seen.token > Number(token))
      this.never(`${host}: ${what} by token ${token}, after token ${seen.token} was let in`);
  }
}

const texts = new Map<string, string>();
/** The real template, but for the hundred lines of the buckets: reading them again and again takes most of the time. */
const TEMPLATE = template('upstream.conf.hbs', '').replace(/\{\{#each buckets\}\}[^]*?\{\{\/each\}\}\n/, '    * 00;\n');

function rendered(inventory: Inventory, groups: readonly Group[]): string {
  const key = `${inventory.nginx.switch} ${inventory.backends.map(({ name, slots }) => `${name} ${slots.join()}`).join()} ${groups.map(({ name, out, second }) => `${name} ${out.join()} ${second.join()}`).join('; ')}`;
  let text = texts.get(key);
  if (text === undefined) texts.set(key, (text = renderConfiguration(inventory, groups, TEMPLATE).text));
  return text;
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
