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
import { healthRequest } from './health-request.ts';
import { lookAt } from './look-at.ts';
import type { Opened } from './open.ts';
import { eachHost } from './roll.ts';

/** Milliseconds. */
const EVERY = 2000;
const DEADLINE = 15_000;
const LOOK_AGAIN = 30_000;
/** Bytes of windows that are read at once. */
const MOST = '4000000';
/** Wrong answers in a row of a host's canary that take it out. */
const WRONG = 2;
/** Nothing runs there any more: that needs no second look. */
const DEAD = /refused the connection/;

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

export interface Unwell {
  readonly hosts: readonly string[];
  /** Of the first of them, in words. */
  readonly says: string;
  /** No other host has a canary that answers. */
  readonly all: boolean;
}

export type Ended =
  | { readonly kind: 'decided'; readonly decision: Exclude<Decision, { kind: 'wait' }>; readonly watched: Watched }
  /** A canary answers no more on some hosts, or on all that have it. */
  | ({ readonly kind: 'unwell'; readonly watched: Watched } & Unwell)
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
    this.#view = view;
    return true;
  }

  /**
   * Which hosts' canaries can't go on: one that refuses the connection, or has answered wrongly twice in a row. Each balancer asks for
   * itself, as `health` does, and what one says counts only where somebody else, canary or baseline, answers it well: else it is the way
   * there that is broken, or something that all of them need.
   */
  async unwell(): Promise<Unwell | undefined> {
    const { inventory } = this.#opened;
    const record = newestRecord(this.#view)?.backends ?? {};
    const arms = addressesOf(inventory, this.#split).filter(({ host }) => record[host]?.rotation !== 'out');
    const canaries = arms.flatMap(({ host, canary }) => (canary === null ? [] : [{ host, socket: canary }]));
    const beside = arms.flatMap(({ host, baseline }) => (baseline === null ? [] : [{ host, socket: baseline }]));
    const ways = inventory.health.from === 'balancer' ? inventory.balancers.map(({ name }) => name) : [undefined];
    const wrong = new Map<string, string>();
    const through = async (way: string | undefined): Promise<void> => {
      const answers = await this.#askAll(canaries, way);
      const ailing = answers.filter(({ says }) => says !== undefined);
      const sure =
        ailing.length < answers.length ||
        (ailing.length > 0 && (await this.#askAll(beside, way)).some(({ says }) => says === undefined));
      for (const { host, socket, says } of answers) {
        const key = `${way ?? ''} ${host}`;
        const times = says === undefined || !sure ? 0 : (this.#wrong.get(key) ?? 0) + 1;
        this.#wrong.set(key, times);
        if (says !== undefined && times > 0 && (times >= WRONG || DEAD.test(says)))
          wrong.set(
            host,
            `${this.#split.canary} on ${host} (${socket})${way === undefined ? '' : `, asked from ${way}`}: ${says}${times >= WRONG ? ', twice' : ''}`,
          );
      }
    };
    await Promise.all(ways.map(through));
    const hosts = canaries.map(({ host }) => host).filter((host) => wrong.has(host));
    const says = wrong.get(hosts[0] ?? '');
    return says === undefined ? undefined : { hosts, says, all: hosts.length === canaries.length };
  }

  async #askAll(
    sockets: readonly { readonly host: string; readonly socket: string }[],
    way: string | undefined,
  ): Promise<{ readonly host: string; readonly socket: string; readonly says: string | undefined }[]> {
    const { inventory, probe } = this.#opened;
    const { health } = inventory;
    return eachHost(sockets, inventory.ssh.concurrency, async ({ host, socket }) => {
      const { address = '' } = inventory.backends.find(({ name }) => name === host) ?? {};
      const port = Number(socket.split(':').at(-1));
      const answer = await probe.ask(healthRequest(inventory, { name: host, address }, port, way));
      const says =
        answer.kind === 'no answer'
          ? answer.reason
          : answer.status === health.status
            ? undefined
            : `it answers ${answer.status}`;
      return { host, socket, says };
    });
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
      const unwell = shareOf(this.#split) > 0 ? await this.unwell() : undefined;
      if (unwell !== undefined) return { kind: 'unwell', ...unwell, watched };
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
