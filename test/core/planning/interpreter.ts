import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { LOCAL } from '../../../src/core/builder.ts';
import type { Plan, Phase, ProbeStep, RunStep, Step, Track } from '../../../src/core/plan.ts';
import { goodRecord } from '../../../src/core/planning/by-hand.ts';
import { leastInRotation } from '../../../src/core/planning/ground.ts';
import { generationName } from '../../../src/core/planning/generation-steps.ts';
import { groupOf } from '../../../src/core/routing/groups.ts';
import { groupOfLane } from '../../../src/core/routing/lanes.ts';
import { bucketsOf } from '../../../src/core/split.ts';
import { secondOf } from '../../../src/core/slots.ts';
import { outOf, type GenerationRecord } from '../../../src/core/record.ts';
import {
  digestOf,
  groupsKnow,
  groupsOf,
  laneOf,
  recordOf,
  sends,
  servingOf,
  sha256,
  timeOf,
  viewOf,
  type Balancer,
  type World,
} from './world.ts';

export { laneOf, sends } from './world.ts';

/** How far a plan came. */
export interface Ran {
  /** Changes, looks and questions, a host each. */
  readonly atoms: number;
  readonly ended: 'done' | 'failed' | 'cut';
  /** Backends whose track failed. */
  readonly failed: ReadonlySet<string>;
}

class StepFailed extends Error {}

/**
 * Runs a plan on a world as the loop would, one call of one host after another, tracks mixed by `seed`, and stops after `cut` of them as
 * if the operator's machine had lost its power. Whatever must never happen is an assertion that fails. Changes the world.
 */
export function interpret(plan: Plan, world: World, { cut = Infinity, seed = 1, migrates = false } = {}): Ran {
  return new Interpreter(world, seed, migrates).run(plan, cut);
}

class Interpreter {
  readonly #world: World;
  readonly #values: ReadonlyMap<string, boolean>;
  readonly #drained = new Set<string>();
  /** Balancers that no longer connect to a slot (`NAME PORT`, as above and below). */
  readonly #awaited = new Map<string, Set<string>>();
  /** From where a slot was seen healthy since it was switched. */
  readonly #healthy = new Map<string, Set<string>>();
  readonly #quiesced = new Set<string>();
  /** The backends to which each balancer sent before the plan. */
  readonly #sent: ReadonlyMap<string, ReadonlySet<string>>;
  #random: number;

  constructor(world: World, seed: number, migrates: boolean) {
    this.#world = world;
    this.#sent = new Map([...world.balancers.keys()].map((name) => [name, new Set(sends(world, name).keys())]));
    this.#random = seed;
    this.#values = new Map([['migrations pending', migrates]]);
  }

  run(plan: Plan, cut: number): Ran {
    let atoms = 0;
    for (const phase of plan.phases) {
      assertNoTwoAtOnce(phase);
      const before = this.#lives();
      const tracks = phase.tracks.map((track) => ({ track, atoms: this.#track(track) }));
      const failed = new Set<string>();
      while (tracks.length > 0) {
        if (atoms >= cut) return { atoms, ended: 'cut', failed };
        const at = this.#next(tracks.length);
        const each = tracks[at]!;
        try {
          if (each.atoms.next().done === true) tracks.splice(at, 1);
          else atoms += 1;
        } catch (error) {
          if (!(error instanceof StepFailed)) throw error;
          failed.add(each.track.host);
          tracks.splice(at, 1);
        }
      }
      if (failed.size > 0) return { atoms, ended: 'failed', failed };
      if (phase.name !== 'flip' && phase.name !== 'declare') continue;
      if (movesTraffic(phase)) this.#assertEqualBalancers(phase);
      else assert.deepEqual(this.#lives(), before, `no traffic is moved by: ${phase.title}`);
    }
    return { atoms, ended: 'done', failed: new Set() };
  }

  #next(below: number): number {
    this.#random = (Math.imul(this.#random, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (this.#random >> 8) % below;
  }

  *#track({ steps }: Track): Generator<undefined> {
    for (const step of steps) {
      if (step.when !== undefined && (this.#values.get(step.when.value) ?? false) !== step.when.is) continue;
      yield* this.#step(step);
    }
  }

  *#step(step: Step): Generator<undefined> {
    switch (step.kind) {
      case 'run':
        for (const { host, args } of step.calls) {
          this.#call(step, host, args);
          yield undefined;
        }
        return;
      case 'put':
        for (const { host, args } of step.calls) {
          if (step.script === 'unpack') this.#backend(host).releases.push(args[1] ?? '');
          yield undefined;
        }
        return;
      case 'probe':
        for (const through of step.through) {
          this.#probe(step, through);
          yield undefined;
        }
        return;
      case 'together':
        for (const each of step.steps) yield* this.#step(each);
        return;
      case 'absent':
        assert.ok(!this.#world.balancers.get(step.host)?.reachable, `${step.host} answers`);
        yield undefined;
        return;
      case 'pause':
      case 'watch':
        yield undefined;
    }
  }

  #backend(name: string) {
    const backend = name === LOCAL ? this.#world.local : this.#world.backends.get(name);
    assert.ok(backend?.reachable, `${name} is used and can't be reached`);
    return backend;
  }

  #balancer(name: string): Balancer {
    const balancer = this.#world.balancers.get(name);
    assert.ok(balancer?.reachable, `${name} is used and can't be reached`);
    return balancer;
  }

  #call({ script, input = '' }: RunStep, host: string, args: readonly string[]): void {
    const [first = '', second = '', third = ''] = args;
    switch (script) {
      case 'prepare':
        return this.#prepare(host, first, args.slice(1), input);
      case 'arm':
        return this.#arm(this.#balancer(host), first, Number(second));
      case 'flip':
        return this.#flip(host, first, second);
      case 'move':
        this.#prepare(host, second, args.slice(2), input);
        return this.#flip(host, first, second);
      case 'configuration':
        return this.#configuration(this.#balancer(host), args, input);
      case 'quiesce':
        assert.match(
          laneOf(this.#balancer(host)),
          /^closing-/,
          'clients are waited for while nothing makes them let go',
        );
        this.#quiesced.add(host);
        return;
      case 'reload':
        return this.#reload(host);
      case 'old-workers':
        this.#balancer(host).lingering.clear();
        return;
      case 'drained':
        // What is still being connected shows on no backend: only a count after that is one.
        if ([...this.#world.balancers.keys()].every((name) => this.#awaited.get(`${host} ${first}`)?.has(name)))
          this.#drained.add(`${host} ${first}`);
        return;
      case 'awaiting':
        for (const { name, address, slots } of this.#world.inventory.backends)
          for (const port of slots) {
            assert.ok(args.includes(`${address}:${port}`), `a request that waits for ${name} may be passed on`);
            added(this.#awaited, `${name} ${port}`, host);
          }
        return;
      case 'switch':
        return this.#switch(host, second, Number(third), args[8] ?? '');
      case 'linger':
        return this.#linger(host, second, Number(third), args[4] ?? '');
      case 'build':
        this.#backend(host).releases.push(second);
        return;
      case 'rehearse':
      case 'migrate':
        assert.ok(this.#backend(host).releases.includes(second), `${script} on ${host} without ${second}`);
        return;
      default:
    }
  }

  /** What the balancers do by themselves when nobody watches: everybody is back, and nothing else is changed. */
  #arm({ live, generations }: Balancer, expected: string, number: number): void {
    assert.equal(expected, generationName(live), 'what serves while a canary is watched');
    const [now, back] = [generations.get(live ?? 0)?.record, generations.get(number)?.record];
    assert.ok(now?.split !== undefined && back !== undefined && number > (live ?? 0));
    assert.equal(back.split, undefined);
    assert.equal(back.ended?.canary, now.split.canary);
    // Only an A/B window may end with everybody on its side B.
    const over = now.split.ab?.next === 'b';
    assert.deepEqual(back.table, { stable: groupOfLane(now.table[over ? 'canary' : 'stable'] ?? '') });
    if (now.split.hosts !== undefined) return this.#assertBackInPlace(now, back);
    if (!over) return assert.deepEqual(back.backends, now.backends);
    for (const { release, former } of Object.values(back.backends))
      assert.deepEqual([release, former], [now.split.canary, now.split.baseline]);
  }

  /** The canary's own hosts are out then, and whoever comes next knows what to bring to them. */
  #assertBackInPlace(now: GenerationRecord, back: GenerationRecord): void {
    const hosts = now.split?.hosts ?? [];
    for (const [name, was] of Object.entries(now.backends))
      if (hosts.includes(name)) assert.equal(back.backends[name]?.rotation, 'out');
      else assert.deepEqual(back.backends[name], was);
    assert.deepEqual(
      [back.intent?.kind, back.intent?.to, back.intent?.hosts],
      ['rollback', now.split?.baseline, hosts],
    );
  }

  /** Each bucket leads to one of two groups, and those of the canary are as many as the share says. */
  #assertSplit({ table, split, backends }: GenerationRecord): void {
    if (split === undefined) return assert.deepEqual(Object.keys(table), ['stable']);
    const { stable = '', canary = '', ...buckets } = table;
    assert.match(stable, /^(closing-)?stable-/);
    assert.match(canary, /^(closing-)?canary-/);
    assert.deepEqual(Object.keys(buckets).toSorted(), bucketsOf(split.name, split.paused === true ? 0 : split.share));
    for (const folder of Object.values(buckets)) assert.equal(folder, canary);
    const out = outOf({ backends });
    const { inventory } = this.#world;
    if (split.hosts !== undefined) {
      const { hosts } = split;
      const all = inventory.backends.map(({ name }) => name);
      const stays = new Set([...out, ...hosts]);
      assert.equal(groupOfLane(stable), groupOf(stays, inventory).name, 'nobody else meets the canary');
      const well = hosts.filter((name) => !out.has(name));
      const others = new Set(well.length === 0 ? stays : all.filter((name) => !well.includes(name)));
      assert.equal(groupOfLane(canary), groupOf(others, inventory).name, 'the canary is on its own hosts');
      return undefined;
    }
    const second = secondOf({ backends }, inventory);
    const other = new Set(inventory.backends.map(({ name }) => name).filter((name) => !second.has(name)));
    const gone = new Set([...out, ...(split.without ?? [])]);
    assert.equal(
      groupOfLane(canary),
      gone.size === inventory.backends.length ? groupOfLane(stable) : groupOf(gone, inventory, other).name,
      'the canary is what does not serve',
    );
    return undefined;
  }

  #prepare(host: string, number: string, lanes: readonly string[], input: string): void {
    const { inventory, balancers } = this.#world;
    const balancer = this.#balancer(host);
    const generation = Number(number);
    const record = recordOf(input);
    const table = Object.fromEntries(lanes.map((pair) => pair.split('=') as [string, string]));
    const { stable: group = '', ...others } = table;
    for (const [name, { live }] of balancers)
      assert.ok(generation > (live ?? 0), `${number} is not above what ${name} serves`);
    assert.ok(!balancer.generations.has(generation), `${number} was prepared before, by somebody`);
    assert.equal(record.generation, generation);
    assert.deepEqual(record.table, table);
    this.#assertSplit(record);
    const knows = new Set(Object.keys(record.backends));
    const of = { ...inventory, backends: inventory.backends.filter(({ name }) => knows.has(name)) };
    const meant = groupOfLane(group);
    // A table of before may be named after hosts that have gone, or that were not there yet: then by what it makes of the others.
    const means = balancer.loaded === null ? undefined : groupsOf(balancer.loaded)[meant];
    // A canary's own hosts are in rotation, and in its group alone.
    const spared = new Set([...outOf(record), ...(record.split?.hosts ?? [])]);
    if (groupOf(spared, of, secondOf(record, of)).name !== meant)
      assert.deepEqual(
        (means ?? groupsOf(balancer.loaded ?? '{"groups":{}}')['all'])?.out
          .filter((each) => knows.has(each))
          .toSorted(),
        [...spared].filter((each) => groupsKnow(balancer.loaded, each)).toSorted(),
        `the record says what the table says: ${meant}`,
      );
    const former = this.#newest()?.backends;
    const unknown = [...this.#world.backends.keys()].filter((each) => !knows.has(each));
    for (const name of unknown) assert.ok(former !== undefined && !(name in former), `the record forgets ${name}`);
    assert.deepEqual(
      Object.keys(record.backends),
      [...this.#world.backends.keys()].filter((name) => knows.has(name)),
      'the record knows no host but those of the inventory',
    );
    for (const [name, { slots, reachable }] of this.#world.backends) {
      const [only, other] = [...slots.keys()];
      const slot = record.backends[name]?.slot;
      if (knows.has(name)) assert.equal(slot === undefined, other === undefined, `which slot of ${name} serves`);
      if (reachable && knows.has(name))
        assert.equal(
          record.backends[name]?.release,
          slots.get(slot ?? only!)?.running,
          `the record knows what ${name} runs`,
        );
    }
    const before = this.#newest();
    for (const [name, { rotation, since, reason }] of Object.entries(record.backends)) {
      const known = before?.backends[name];
      if (known === undefined || before === undefined) continue;
      const changes = known.rotation !== rotation;
      assert.equal(since, changes ? timeOf(generation) : known.since, `since when ${name} is ${rotation}`);
      assert.equal(reason !== undefined, rotation === 'out', `why ${name} is ${rotation}`);
    }
    balancer.generations.set(generation, { lane: group, others: Object.values(others), record });
  }

  #newest(): GenerationRecord | undefined {
    if ([...this.#world.balancers.values()].some(({ edited }) => edited))
      return goodRecord(viewOf(this.#world)) ?? undefined;
    return [...this.#world.balancers.values()]
      .flatMap(({ live, generations }) => (live === null ? [] : [generations.get(live)!.record]))
      .toSorted((a, b) => b.generation - a.generation)[0];
  }

  #flip(host: string, expected: string, number: string): void {
    const { inventory } = this.#world;
    const balancer = this.#balancer(host);
    assert.equal(expected, generationName(balancer.live), `what ${host} is expected to serve`);
    const next = balancer.generations.get(Number(number));
    assert.ok(next !== undefined, `generation ${number} was not prepared on ${host}`);
    const before = sends(this.#world, host);
    const known = this.#newest();
    const edited = balancer.edited === true;
    balancer.live = Number(number);
    delete balancer.edited;
    balancer.flipped = { number: Number(number), sum: digestOf(next.record) };
    const after = sends(this.#world, host);
    // What is not declared falls to all: nothing changes for a moment where that is what served.
    const falls = laneOf(balancer).startsWith('closing-') && isDeepStrictEqual(before, after);
    if (balancer.loaded !== null && inventory.nginx.switch === 'live' && !falls)
      assert.ok(
        groupOfLane(laneOf(balancer)) in groupsOf(balancer.loaded),
        `${laneOf(balancer)} is declared on ${host}`,
      );
    // Of the fleet as it is: what no record knows has never served.
    const fleet = inventory.backends.filter((backend) => backend.name in next.record.backends);
    const least = leastInRotation({ ...inventory, backends: fleet });
    // Where no release ever ran, nobody was served, though an administrator's configuration may have sent there already.
    const served = [...before.keys()].filter((name) => this.#world.backends.get(name)?.ran === true);
    assert.ok(after.size >= least || after.size >= served.length, `${after.size} of ${least} in rotation on ${host}`);
    for (const [name, ports] of after)
      for (const port of ports)
        if (
          before.get(name)?.includes(port) === false &&
          inventory.nginx.switch === 'live' &&
          (known?.backends[name]?.slot !== port || edited)
        )
          assert.deepEqual(
            this.#healthy.get(`${name} ${port}`)?.size,
            this.#world.balancers.size,
            `${name} moves over to port ${port} before that was seen healthy`,
          );
    for (const [name, [port]] of after) {
      if (!before.has(name)) this.#assertRan(name, host);
      // To what no record knows somebody else's reload may have sent already; where a hand edited, no record tells who is in.
      const told = !edited && known?.backends[name] !== undefined;
      // A reload that the plan found done sent there already, and the flip behind it never came: what a hand then did decides.
      const sentAlready = inventory.nginx.switch === 'reload' && this.#sent.get(host)?.has(name) === true;
      const came = told ? known.backends[name]?.rotation === 'out' && !sentAlready : !before.has(name);
      if (known !== undefined && came)
        assert.deepEqual(
          this.#healthy.get(`${name} ${port}`)?.size,
          this.#world.balancers.size,
          `${name} goes back in before it was seen healthy`,
        );
    }
    for (const table of [before, after])
      for (const [name, ports] of table)
        for (const port of ports) {
          this.#drained.delete(`${name} ${port}`);
          this.#awaited.delete(`${name} ${port}`);
        }
  }

  #assertRan(name: string, host: string): void {
    if (this.#world.inventory.nginx.switch !== 'live') return;
    assert.ok(this.#world.backends.get(name)?.ran, `${host} sends to ${name}, where no release ever ran`);
  }

  #configuration(balancer: Balancer, [action = '', , , expected]: readonly string[], text: string): void {
    assert.equal(this.#world.inventory.nginx.configuration, 'managed');
    switch (action) {
      case 'install':
        if (balancer.file === text) return;
        assert.equal(
          expected,
          balancer.file === null ? 'none' : sha256(balancer.file),
          'the text that is expected there',
        );
        balancer.former = balancer.file;
        balancer.file = text;
        return;
      case 'restore':
        if (balancer.former === undefined) return;
        balancer.file = balancer.former;
        balancer.former = undefined;
        return;
      case 'keep':
        balancer.former = undefined;
        return;
      default:
        assert.fail(action);
    }
  }

  #reload(host: string): void {
    const { inventory } = this.#world;
    assert.equal(inventory.nginx.configuration, 'managed');
    const balancer = this.#balancer(host);
    if (inventory.nginx.switch === 'reload')
      for (const each of slotsSentTo(this.#world, host)) balancer.lingering.add(each);
    else if (balancer.loaded !== null && balancer.live !== null) {
      assert.match(laneOf(balancer), /^closing-/, `${host} is reloaded while clients hold connections`);
      assert.ok(this.#quiesced.has(host));
    }
    const before = sends(this.#world, host);
    balancer.loaded = balancer.file;
    for (const name of sends(this.#world, host).keys()) if (!before.has(name)) this.#assertRan(name, host);
    if (inventory.nginx.switch === 'live' && balancer.live !== null)
      assert.ok(
        groupOfLane(laneOf(balancer)) in groupsOf(balancer.loaded ?? '{"groups":{}}'),
        `after its reload ${host} knows the group ${laneOf(balancer)} that serves`,
      );
  }

  /** Nothing is sent to a slot, and nothing is left there. */
  #assertEmpty(host: string, port: number, what: string): void {
    const slot = `${host} ${port}`;
    for (const [name, { lingering }] of this.#world.balancers) {
      assert.ok(!slotsSentTo(this.#world, name).includes(slot), `${slot} is ${what} while ${name} may send to it`);
      assert.ok(!lingering.has(slot), `${slot} is ${what} while an old worker of ${name} may send to it`);
      assert.ok(this.#awaited.get(slot)?.has(name), `${slot} is ${what} and ${name} may still be connecting`);
    }
    assert.ok(this.#drained.has(slot), `${slot} is ${what} before it was drained`);
  }

  #switch(host: string, release: string, port: number, of: string): void {
    const backend = this.#backend(host);
    this.#assertEmpty(host, port, 'switched');
    assert.ok(backend.releases.includes(release), `${host} has not got ${release}`);
    this.#healthy.delete(`${host} ${port}`);
    const slot = backend.slots.get(port);
    assert.ok(slot !== undefined, `${host} has no slot ${port}`);
    assert.equal(of, backend.slots.size > 1 ? 'slot' : 'host');
    if (of === 'host') backend.current = release;
    slot.link = release;
    slot.lingers = null;
    slot.running = backend.broken.has(release) ? null : release;
    if (slot.running !== null) backend.ran = true;
    if (slot.running === null) throw new StepFailed(`${release} does not start on ${host}`);
  }

  #linger(host: string, release: string, port: number, seconds: string): void {
    const backend = this.#backend(host);
    const slot = backend.slots.get(port)!;
    assert.equal(release, servingOf(this.#world, host).running, `what current of ${host} is to name`);
    backend.current = release;
    for (const each of backend.slots.values()) if (each !== slot) each.lingers = null;
    if (seconds === '-') assert.equal(slot.link, null, `${host} has nothing on ${port}`);
    else if (seconds === '0') {
      this.#assertEmpty(host, port, 'stopped');
      Object.assign(slot, { running: null, link: null, lingers: null });
    } else slot.lingers = Number(seconds);
  }

  #probe(step: ProbeStep, through: string): void {
    if (step.path === '/generation') {
      const { live, loaded } = this.#balancer(through);
      assert.ok(
        step.body?.endsWith(`/generations/${generationName(live)}/self`),
        `${through} is asked for what it does not serve`,
      );
      assert.notEqual(loaded, null);
      return;
    }
    if (this.#world.backends.get(step.host)?.slots.get(step.port)?.running === null)
      throw new StepFailed(`${step.host} is not healthy`);
    if (step.status !== 'any') added(this.#healthy, `${step.host} ${step.port}`, through);
  }

  #lives(): (number | null)[] {
    return [...this.#world.balancers.values()].map(({ live }) => live);
  }

  #assertEqualBalancers({ rotation, title }: Phase): void {
    assert.equal(new Set(this.#lives()).size, 1, `all balancers serve one generation after: ${title}`);
    const record = this.#newest();
    if (rotation === undefined || record === undefined) return;
    const out = outOf(record);
    assert.deepEqual(rotation.out, [...out], 'the plan tells who is out');
    assert.deepEqual(
      rotation.in,
      [...this.#world.backends.keys()].filter((name) => name in record.backends && !out.has(name)),
    );
  }
}

/** The slots to which a balancer may send, as `NAME PORT`. */
const slotsSentTo = (world: World, balancer: string): string[] =>
  [...sends(world, balancer)].flatMap(([name, ports]) => ports.map((port) => `${name} ${port}`));

function added(sets: Map<string, Set<string>>, key: string, value: string): void {
  sets.set(key, (sets.get(key) ?? new Set()).add(value));
}

/** Two changing calls on one host under one fence would race for their sequence. */
function assertNoTwoAtOnce({ title, tracks }: Phase): void {
  const fences = tracks.map((track) => new Set(track.steps.flatMap(fenced)));
  const all = fences.flatMap((each) => [...each]);
  assert.equal(new Set(all).size, all.length, `two tracks change one host at once: ${title}`);
  for (const step of tracks.flatMap((track) => track.steps)) {
    const each = fenced(step);
    assert.equal(new Set(each).size, each.length, `one step changes one host twice at once: ${step.say}`);
  }
}

/** Putting a former configuration back is the one thing in its phase, and moves nothing: balancers may differ until the next plan. */
const movesTraffic = ({ tracks }: Phase): boolean =>
  tracks.some(({ steps }) =>
    steps.some((step) => step.kind === 'run' && ['move', 'flip', 'reload'].includes(step.script)),
  );

function fenced(step: Step): string[] {
  if (step.kind === 'together') return step.steps.flatMap(fenced);
  if (step.kind === 'put') return step.calls.map(({ host }) => `${host} ${step.fence}`);
  if (step.kind === 'run' && step.fence !== undefined) return step.calls.map(({ host }) => `${host} ${step.fence}`);
  return [];
}
