import { releaseName } from '../../src/core/release.ts';
import type { Opened } from '../../src/open.ts';
import { abortChange, canaryChange, promoteChange, shareChange } from '../../src/verbs/canary.ts';
import { drainChange } from '../../src/verbs/drain.ts';
import { enableChange } from '../../src/verbs/enable.ts';
import { rollbackChange } from '../../src/verbs/rollback.ts';
import { rollChange } from '../../src/verbs/roll.ts';
import { SimFleet, type SimWish } from './fleet.ts';
import { lookAt } from '../../src/look-at.ts';
import { breakChange } from '../../src/verbs/lease.ts';
import { resumeChange } from '../../src/verbs/resume.ts';
import { Operator, type Accident, type Begun, type Ending } from './operator.ts';

export type Verb =
  | 'roll'
  | 'rollback'
  | 'resume'
  | 'drain'
  | 'enable'
  | 'break'
  | 'canary'
  | 'share'
  | 'pause'
  | 'promote'
  | 'abort';

/** What happens when so many calls have been made, by whomever. Hosts by number, over balancers and backends; -1: the one that is called. */
export type Deed =
  | { readonly kind: 'link'; readonly when: 'before' | 'after' | 'during'; readonly stall: number }
  | {
      readonly kind: 'cable' | 'power' | 'full' | 'crowded';
      readonly host: number;
      readonly after: number;
      readonly lasts: number;
    }
  | { readonly kind: 'crash'; readonly host: number; readonly after: number }
  | { readonly kind: 'kill'; readonly after: number }
  | { readonly kind: 'stop'; readonly after: number; readonly lasts: number }
  | { readonly kind: 'interrupt' }
  | { readonly kind: 'second'; readonly verb: Verb; readonly ref: string }
  | { readonly kind: 'clock'; readonly by: number };

export interface Story {
  readonly wish: SimWish;
  readonly seed: number;
  readonly verb: Verb;
  /** What comes before it, while nothing happens. */
  readonly after?: Verb;
  /** A backend, by number, on which the new release does not start, or is not well. */
  readonly broken?: { readonly host: number; readonly how: 'ends' | 'ill' };
  /** By the number of calls after which it happens. */
  readonly deeds: readonly { readonly at: number; readonly deed: Deed }[];
}

/** How long a command may take that meets everything that can go wrong. */
const LONGEST = 2 * 3_600_000;

const verbs: Readonly<Record<Verb, (opened: Opened, ref: string) => Promise<Begun>>> = {
  roll: async (opened, ref) => ({ change: await rollChange(opened, { ref }) }),
  rollback: async (opened) => ({ change: await rollbackChange(opened, undefined, {}) }),
  resume: (opened) => resumeChange(opened),
  drain: async (opened) => ({ change: await drainChange(opened, [lastOf(opened)], 'a new disk') }),
  enable: async (opened) => ({ change: await enableChange(opened, [lastOf(opened)]) }),
  canary: (opened, ref) => canaryChange(opened, 10, { ref }),
  share: async (opened) => ({ change: shareChange(opened, 'canary 50%', 50) }),
  pause: async (opened) => ({ change: shareChange(opened, 'canary pause', 0) }),
  promote: async (opened) => ({ change: promoteChange(opened, {}) }),
  abort: async (opened) => ({ change: abortChange(opened) }),
  break: async (opened) => {
    const seen = await lookAt(opened);
    return { change: breakChange(opened, seen), seen };
  },
};

const lastOf = ({ inventory }: Opened): string => inventory.backends.at(-1)?.name ?? '';

/** A fleet in trouble: commands that run on it while things happen. */
export class Trouble {
  readonly story: Story;
  readonly fleet: SimFleet;
  readonly operators: Operator[] = [];
  readonly #deeds: Story['deeds'];
  #calls = 0;
  #done = 0;
  #healed = false;

  constructor(story: Story) {
    this.story = story;
    const { wish, seed, broken, deeds } = story;
    this.fleet = new SimFleet(wish, seed);
    this.#deeds = deeds.toSorted((a, b) => a.at - b.at);
    const backend = broken === undefined ? undefined : [...this.fleet.backends.values()][broken.host];
    if (broken !== undefined) backend?.broken.set(releaseName(this.fleet.now, '2222222'), broken.how);
  }

  begin(name: string, verb: Verb, ref = '2'): Operator {
    const operator = new Operator(this.fleet, name);
    operator.onCall = ({ host }) => this.#onCall(operator, this.fleet.named(host, name));
    this.operators.push(operator.begin((opened) => verbs[verb](opened, ref)));
    return operator;
  }

  /** What the story begins with, on a quiet day. */
  async prologue(): Promise<void> {
    const { after } = this.story;
    if (after === undefined) return;
    const operator = new Operator(this.fleet, 'eve');
    operator.begin((opened) => verbs[after](opened, '2'));
    await this.fleet.time.pass(() => operator.ending !== undefined, LONGEST);
  }

  /** Until every command has ended, and what was in hand with it. */
  async end(): Promise<void> {
    const over = (): boolean => this.operators.every(({ ending }) => ending !== undefined);
    if (!(await this.fleet.time.pass(over, LONGEST))) this.fleet.never('a command does not end');
  }

  #onCall(operator: Operator, host: string): Accident {
    let accident: Accident = {};
    this.#calls += 1;
    for (
      let next = this.#deeds[this.#done];
      next !== undefined && next.at <= this.#calls;
      next = this.#deeds[this.#done]
    ) {
      this.#done += 1;
      accident = { ...accident, ...this.#do(next.deed, operator, host) };
    }
    return accident;
  }

  #do(deed: Deed, operator: Operator, host: string): Accident {
    const { fleet } = this;
    const hosts = [...fleet.machines.keys()].filter((name) => !fleet.desks.has(name));
    const named = 'host' in deed && deed.host >= 0 ? hosts[deed.host % hosts.length]! : host;
    const later = (ms: number, work: () => void): void =>
      void fleet.time.after(ms, () => {
        if (!this.#healed) work();
      });
    switch (deed.kind) {
      case 'link':
        return { link: deed };
      case 'cable':
        later(deed.after, () => (fleet.machine(named).wired = false));
        later(deed.after + deed.lasts, () => (fleet.machine(named).wired = true));
        return {};
      case 'full':
      case 'crowded': {
        const { kind } = deed;
        later(deed.after, () => (fleet.machine(named)[kind] = true));
        later(deed.after + deed.lasts, () => (fleet.machine(named)[kind] = false));
        return {};
      }
      case 'power':
        later(deed.after, () => powerCut(fleet, named));
        later(deed.after + deed.lasts, () => powerOn(fleet, named));
        return {};
      case 'crash':
        later(deed.after, () => {
          const backend = fleet.backends.get(named);
          const running = [...(backend?.slots.values() ?? [])].filter(({ process }) => process !== null);
          if (backend === undefined || running.length === 0) return;
          backend.struck = true;
          fleet.chance.one(running)?.end();
        });
        return {};
      case 'kill':
        // At once: before this very call is sent.
        if (deed.after === 0) operator.kill();
        else later(deed.after, () => operator.kill());
        return {};
      case 'stop':
        later(deed.after, () => operator.stop());
        later(deed.after + deed.lasts, () => operator.continue());
        return {};
      case 'interrupt':
        operator.interrupt();
        return {};
      case 'second':
        later(1, () => this.begin(`other${this.operators.length}`, deed.verb, deed.ref));
        return {};
      case 'clock':
        fleet.jump += deed.by;
        return {};
    }
  }

  /** All that somebody can mend by hand, or that mends itself. */
  async heal(): Promise<void> {
    const { fleet } = this;
    this.#done = this.#deeds.length;
    this.#healed = true;
    for (const [name, machine] of fleet.machines) {
      machine.wired = true;
      machine.full = false;
      machine.crowded = false;
      if (!machine.up) powerOn(fleet, name);
    }
    fleet.calm = true;
    for (const balancer of fleet.balancers.values())
      balancer.workers = balancer.workers.filter(({ ending }) => !ending);
    for (const backend of fleet.backends.values()) {
      backend.broken.clear();
      for (const slot of backend.slots.values()) {
        if (slot.process !== null) slot.process = { ...slot.process, well: true };
        slot.busy = Math.min(slot.busy, fleet.time.now + 4000);
      }
    }
    await fleet.time.pass(() => false, 5000);
  }

  /** A command that is given again and again while another's lease lives, as a person does. Returns how it ended. */
  async insist(verb: Verb): Promise<Ending> {
    for (let attempt = 0; ; attempt += 1) {
      const operator = this.begin(`mender${attempt}`, verb);
      await this.end();
      const ending = operator.ending!;
      if (
        ending.kind !== 'refused' ||
        attempt === 40 ||
        !/holds the lease|the fence could not be raised/.test(ending.refusal.message)
      )
        return ending;
      await this.fleet.time.pass(() => false, 5000);
    }
  }
}

export function powerCut(fleet: SimFleet, name: string): void {
  (fleet.balancers.get(name) ?? fleet.backends.get(name))?.powerCut();
}

export function powerOn(fleet: SimFleet, name: string): void {
  if (!fleet.machine(name).up) (fleet.balancers.get(name) ?? fleet.backends.get(name))?.powerOn();
}
