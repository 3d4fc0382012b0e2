import { after, beginning, decide, type Course, type Decision } from './core/canary/course.ts';
import { parseWatched } from './core/canary/followed.ts';
import { pointOf, type Point } from './core/canary/points.ts';
import { gathered, NOTHING_GATHERED, type Gathered } from './core/canary/windows.ts';
import { newestRecord, type FleetView } from './core/fleet.ts';
import { SCRIPT_EXIT, succeeded } from './core/outcome.ts';
import { addressesOf } from './core/planning/arms.ts';
import type { Split } from './core/record.ts';
import { shareOf, splitOf } from './core/split.ts';
import type { Rules } from './core/verdict/judge.ts';
import type { Reading, Verdict } from './core/verdict/reading.ts';
import { ConnectError } from './fleet/ports.ts';
import { script } from './fleet/scripts.ts';
import { lookAt } from './look-at.ts';
import type { Opened } from './open.ts';
import { eachHost } from './roll.ts';

/** Milliseconds. */
const EVERY = 2000;
const DEADLINE = 15_000;
const LOOK_AGAIN = 30_000;
/** Bytes of windows that are read at once. */
const MOST = '4000000';
/** Wrong answers in a row of a canary's slot that end it. */
const WRONG = 2;

/** Where a canary has come to. */
export interface Watched {
  readonly split: Split;
  readonly course: Course;
  readonly reading: Reading;
  /** Windows that were judged. */
  readonly windows: number;
  /** Its course, for who draws it: where asked for. */
  readonly points: readonly Point[];
}

export type Ended =
  | { readonly kind: 'decided'; readonly decision: Exclude<Decision, { kind: 'wait' }>; readonly watched: Watched }
  /** A canary's slot answers no more, and the one that serves beside it does. */
  | { readonly kind: 'unwell'; readonly says: string; readonly watched: Watched }
  /** Somebody else has ended it, or the balancers have. */
  | { readonly kind: 'gone'; readonly watched: Watched }
  /** A person asked to stop. */
  | { readonly kind: 'stopped'; readonly watched: Watched };

/** By what a canary of this inventory is judged: with two slots each host is its own control, so hosts are not held against each other. */
const rulesOf = ({ inventory }: Pick<Opened, 'inventory'>, split: Pick<Split, 'hold'>): Rules => ({
  falseAlarms: inventory.canary.false_alarms,
  maxErrorRate: inventory.canary.max_error_rate,
  hold: split.hold / 1000,
  restarts: true,
  merging: true,
  gates: true,
});

/** Reads what the followers add up, window by window, and judges it. What one who watched before has read is read again: it comes to the same. */
export class Watch {
  readonly #opened: Opened;
  readonly #how: 'watch' | 'read';
  readonly #offsets = new Map<string, number>();
  readonly #wrong = new Map<string, number>();
  #view: FleetView;
  #split: Split;
  #gathered: Gathered = NOTHING_GATHERED;
  #course: Course;
  #windows = 0;
  readonly #points: Point[] = [];
  #generations = '';

  /** `how`: `read` only looks, and does not count as one who watches. */
  constructor(opened: Opened, view: FleetView, split: Split, how: 'watch' | 'read' = 'watch') {
    this.#opened = opened;
    this.#view = view;
    this.#split = split;
    this.#how = how;
    this.#course = beginning(rulesOf(opened, split), split.t99);
  }

  get watched(): Watched {
    const { reading } = decide(this.#course, []);
    return { split: this.#split, course: this.#course, reading, windows: this.#windows, points: this.#points };
  }

  /** One look at all balancers. False: no balancer follows this canary any more. */
  async look(): Promise<boolean> {
    const { inventory, remote } = this.#opened;
    const names = inventory.balancers.map(({ name }) => name);
    const generations: string[] = [];
    let [asked, gone] = [0, 0];
    const told = await eachHost(names, inventory.ssh.concurrency, async (host) => {
      const offset = this.#offsets.get(host) ?? 0;
      const args = [inventory.nginx.folder, this.#split.follower, String(offset), MOST, this.#how];
      try {
        const outcome = await remote.run({
          host,
          name: 'orchestrate-watch',
          text: script('watch'),
          args,
          deadline: DEADLINE,
        });
        asked += 1;
        if (outcome.kind === 'exited' && outcome.code === SCRIPT_EXIT.moved) gone += 1;
        const read = succeeded(outcome) ? parseWatched(outcome.stdout) : undefined;
        if (read === undefined || 'problem' in read) return [host, []] as const;
        this.#offsets.set(host, read.at);
        generations.push(`${host} ${read.live}`);
        return [host, read.windows] as const;
      } catch (error) {
        // A link that is lost is made again at the next look.
        if (error instanceof ConnectError) return [host, []] as const;
        throw error;
      }
    });
    if (asked > 0 && gone === asked) return false;
    const arms = addressesOf(inventory, this.#split);
    const next = gathered(this.#gathered, names, Object.fromEntries(told), arms);
    this.#gathered = next.gathered;
    for (const window of next.windows) {
      this.#course = after(this.#course, window);
      if (this.#how === 'read') this.#points.push(pointOf(window, decide(this.#course, []).reading));
    }
    this.#windows += next.windows.length;
    const now = generations.toSorted().join();
    const moved = this.#generations !== '' && now !== '' && now !== this.#generations;
    if (now !== '') this.#generations = now;
    return moved ? this.#lookAgain() : true;
  }

  /** What the record says now: somebody may have changed the share, or ended it. */
  async #lookAgain(): Promise<boolean> {
    const view = await lookAt(this.#opened, []);
    const split = splitOf(newestRecord(view));
    if (split === null || split.follower !== this.#split.follower) return false;
    this.#split = split;
    return true;
  }

  /** Why a canary's slot can't go on: it answers wrongly, twice, while the one that serves beside it answers well. */
  async unwell(): Promise<string | undefined> {
    const { inventory, probe } = this.#opened;
    const { health } = inventory;
    const through = health.from === 'balancer' ? inventory.balancers[0]?.name : undefined;
    const arms = addressesOf(inventory, this.#split);
    const ask = async (host: string, socket: string): Promise<string | undefined> => {
      const port = Number(socket.split(':').at(-1));
      const backend = inventory.backends.find(({ name }) => name === host);
      const answer = await probe.ask({
        ...(health.from === 'backend' ? { through: host } : through === undefined ? {} : { through }),
        address: health.from === 'backend' ? '127.0.0.1' : (backend?.address ?? ''),
        port,
        path: health.path,
        host: health.host,
        headers: health.headers,
        timeout: health.timeout,
      });
      if (answer.kind === 'no answer') return answer.reason;
      return answer.status === health.status ? undefined : `it answers ${answer.status}`;
    };
    const out = newestRecord(this.#view)?.backends ?? {};
    const { canary: release, baseline: beside } = this.#split;
    const wrongOf = async (host: string, socket: string): Promise<string | undefined> => {
      const wrong = await ask(host, socket);
      const times = wrong === undefined ? 0 : (this.#wrong.get(host) ?? 0) + 1;
      this.#wrong.set(host, times);
      return times < WRONG || wrong === undefined ? undefined : `${release} on ${host} (${socket}): ${wrong}, twice`;
    };
    const serving = arms.filter(({ host }) => out[host]?.rotation !== 'out');
    const found = await eachHost(serving, inventory.ssh.concurrency, async ({ host, canary, baseline }) => {
      if (canary === null) return undefined;
      const says = await wrongOf(host, canary);
      if (says === undefined || baseline === null) return says;
      return (await ask(host, baseline)) === undefined ? `${says}, while ${beside} beside it is well` : undefined;
    });
    // On hosts of its own it goes on while one of them is well: Nginx passes its users on to that one.
    if (this.#split.hosts !== undefined) {
      const own = serving.filter(({ canary }) => canary !== null).length;
      return found.filter((says) => says !== undefined).length < own
        ? undefined
        : found.find((says) => says !== undefined);
    }
    return found.find((says) => says !== undefined);
  }

  /**
   * Watches until there is something to decide. `tell` is called after each look. `known`: a verdict of a hold that is over, which was told
   * and is no reason to return again. Does not reject for what a host does.
   */
  async untilDecided(tell: (watched: Watched) => void, stop: AbortSignal, known?: Verdict): Promise<Ended> {
    const { clock } = this.#opened;
    let looked = clock.ticks();
    // oxlint-disable no-await-in-loop -- one look after the other
    while (!stop.aborted) {
      const begun = clock.ticks();
      if (!(await this.look())) return { kind: 'gone', watched: this.watched };
      if (begun - looked > LOOK_AGAIN) {
        looked = begun;
        if (!(await this.#lookAgain())) return { kind: 'gone', watched: this.watched };
      }
      const { watched } = this;
      tell(watched);
      const { decision } = decide(this.#course, this.#split.steps);
      const told = decision.kind === 'over' && decision.verdict === known;
      if (decision.kind !== 'wait' && !told && shareOf(this.#split) > 0) return { kind: 'decided', decision, watched };
      const says = shareOf(this.#split) > 0 ? await this.unwell() : undefined;
      if (says !== undefined) return { kind: 'unwell', says, watched };
      try {
        await clock.sleep(Math.max(100, EVERY - (clock.ticks() - begun)), stop);
      } catch (error) {
        if (!stop.aborted) throw error;
      }
    }
    // oxlint-enable no-await-in-loop
    return { kind: 'stopped', watched: this.watched };
  }

  /** After a change of the share by whoever watches. */
  async changed(): Promise<boolean> {
    return this.#lookAgain();
  }
}
