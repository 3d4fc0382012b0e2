import type { Beside } from '../beside.ts';
import { Watch, type Ended, type Watched } from '../canary-watch.ts';
import type { Change } from '../change.ts';
import type { Event } from '../core/event.ts';
import { Refusal } from '../core/failure.ts';
import { newestRecord, seenBalancers } from '../core/fleet.ts';
import type { EndedSplit, Split } from '../core/record.ts';
import { shareOf, splitOf } from '../core/split.ts';
import type { Verdict } from '../core/verdict/reading.ts';
import { lookAt } from '../look-at.ts';
import type { Opened } from '../open.ts';
import { verdictLines } from '../tell/verdict.ts';
import { abortChange, promoteChange, shareChange, spareChange } from '../verbs/canary.ts';
import { carryOut, endJob, HandedOver, type Bench } from './perform.ts';
import type { Job } from './store.ts';

/** Windows between two events of a canary that goes its way. */
const TOLD_EVERY = 6;
/** Milliseconds until what was refused is tried again. */
const AGAIN = 10_000;

const EXIT: Readonly<Record<Verdict, number>> = { PASS: 0, FAIL: 1, UNDECIDED: 5, 'NO-DATA': 6 };

/**
 * Watches the canary that lives, if one does, and does what its verdict asks for: nobody sits before it, so what is to be asked waits for a
 * person, watched on. Resolves when none lives any more, and then the jobs that began it have ended. Rejects with `HandedOver` when the service ends.
 */
export async function watchCanary(bench: Bench): Promise<void> {
  let jobs: readonly Job[] = await bench.store.liveJobs('watching');
  let beside: Beside | undefined;
  const opened = await bench.open((event: Event) => {
    beside?.tell(event);
    for (const { id } of jobs) bench.log.tell(id, event);
  });
  try {
    const watching = new Watching(opened, bench, (made) => (beside = made));
    await watching.toItsEnd(async () => (jobs = await bench.store.liveJobs('watching')));
  } finally {
    await opened.close();
  }
}

class Watching {
  readonly #opened: Opened;
  readonly #bench: Bench;
  readonly #beside: (beside: Beside | undefined) => void;
  #told = -TOLD_EVERY;
  #last: { readonly split: Split; readonly watched: Watched } | undefined;

  constructor(opened: Opened, bench: Bench, beside: (beside: Beside | undefined) => void) {
    this.#opened = opened;
    this.#bench = bench;
    this.#beside = beside;
  }

  async toItsEnd(jobs: () => Promise<readonly Job[]>): Promise<void> {
    const { stop } = this.#bench;
    for (;;) {
      // oxlint-disable no-await-in-loop -- what comes next depends on what was found
      if (stop.aborted) throw new HandedOver('canary');
      const view = await lookAt(this.#opened, []);
      const lives = splitOf(newestRecord(view));
      // An A/B window needs nobody: the balancers end it.
      const split = lives?.ab === undefined ? lives : null;
      if (split !== null) {
        await this.#one(new Watch(this.#opened, view, split), split);
        continue;
      }
      if (seenBalancers(view).length > 0) {
        await this.#end(await jobs(), newestRecord(view)?.ended);
        return;
      }
      await this.#rest();
      // oxlint-enable no-await-in-loop
    }
  }

  /** Until its record has become another. */
  async #one(watch: Watch, split: Split): Promise<void> {
    let known: Verdict | undefined;
    for (;;) {
      // oxlint-disable no-await-in-loop
      const ended = await watch.untilDecided((now) => this.#tell(now), this.#bench.stop, known);
      this.#last = { split: ended.watched.split, watched: ended.watched };
      if (ended.kind === 'stopped') throw new HandedOver('canary');
      if (ended.kind === 'gone') return;
      const wanted = this.#wanted(ended);
      if (wanted !== undefined) {
        await this.#change(wanted);
        return;
      }
      const { reading } = ended.watched;
      known = reading.verdict;
      this.#note(
        `${reading.verdict}: the canary of ${split.canary} goes on, watched, until a person says \`orchestrate canary promote\` or \`abort\`.`,
      );
      // oxlint-enable no-await-in-loop
    }
  }

  /** Undefined: it is for a person to say. */
  #wanted(ended: Exclude<Ended, { kind: 'stopped' | 'gone' }>): Change | undefined {
    if (ended.kind === 'unwell') {
      this.#note(`${ended.says}.`);
      return ended.all ? abortChange(this.#opened, 'canary abort (unwell)') : spareChange(this.#opened, ended.hosts);
    }
    const { decision } = ended;
    for (const line of verdictLines(ended.watched.reading, ended.watched.course)) if (line !== '') this.#note(line);
    if (decision.kind === 'abort') return abortChange(this.#opened, 'canary abort (FAIL)');
    if (decision.kind === 'climb') return shareChange(this.#opened, `canary share ${decision.share}%`, decision.share);
    return decision.verdict === 'PASS' && ended.watched.split.promote === 'auto'
      ? promoteChange(this.#opened, {})
      : undefined;
  }

  /** What is refused, or fails, is told, and decided anew after a while: a window may open, a lease may end. */
  async #change(wanted: Change): Promise<void> {
    const { stop } = this.#bench;
    const beside = this.#bench.openBeside(this.#opened, stop);
    this.#beside(beside);
    try {
      const exit = await carryOut(this.#opened, wanted, { before: beside.before, stop, show: () => {} });
      if (exit !== 0) await this.#rest();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#note(`${wanted.command}: ${error.message}`);
      await this.#rest();
    } finally {
      this.#beside(undefined);
      await beside.end();
    }
  }

  async #end(
    jobs: readonly Job[],
    ended: { readonly how: EndedSplit['how']; readonly canary: string } | undefined,
  ): Promise<void> {
    const reading = this.#last?.watched.reading;
    const verdict = reading?.verdict;
    const how = ended === undefined ? 'it is over' : `${ended.canary} was ${HOW[ended.how]}`;
    const exit =
      ended?.how === 'promoted'
        ? 0
        : ended === undefined
          ? null
          : ended.how === 'unwatched'
            ? 4
            : EXIT[verdict === 'PASS' ? 'UNDECIDED' : (verdict ?? 'UNDECIDED')];
    const words = verdict === undefined ? how : `${verdict}: ${how}`;
    for (const job of jobs)
      // oxlint-disable-next-line no-await-in-loop -- there is one, usually
      await endJob(
        job,
        { exit, words },
        exit === 0 || exit === null ? 'done' : 'failed',
        this.#bench,
        this.#opened.clock.now(),
      );
  }

  #tell(now: Watched): void {
    if (now.windows - this.#told < TOLD_EVERY) return;
    this.#told = now.windows;
    const { split, course, reading } = now;
    const { times } = course.judge;
    this.#opened.emit({
      type: 'canary',
      release: split.canary,
      baseline: split.baseline,
      share: shareOf(split),
      lasted: times === undefined ? 0 : times.last - times.step,
      hold: split.hold / 1000,
      reading,
    });
  }

  #note(text: string): void {
    this.#opened.emit({ type: 'note', text });
  }

  async #rest(): Promise<void> {
    const { stop } = this.#bench;
    try {
      await this.#opened.clock.sleep(AGAIN, stop);
    } catch (error) {
      if (!stop.aborted) throw error;
      throw new HandedOver('canary');
    }
  }
}

const HOW = {
  promoted: 'promoted',
  ended: 'over',
  aborted: 'taken back',
  unwatched: 'taken back by the balancers, since nobody watched',
} as const;
