import type { Event } from '../core/event.ts';
import { ending, tail } from '../core/failure.ts';
import { isLong, journalLine } from '../core/journal.ts';
import { succeeded, type Outcome } from '../core/outcome.ts';

/** Milliseconds between two sendings, and the longest wait after one that failed. */
const BEAT = 3000;
const LONGEST = 15_000;
/** Bytes of one sending, about. */
const PORTION = 200_000;

export interface JournalOptions {
  /** Names of the balancers. */
  readonly balancers: readonly string[];
  /** Runs journal.sh there: number of the command, lines sent before these, the lines. */
  readonly append: (balancer: string, number: string, from: number, lines: string) => Promise<Outcome>;
  /** Monotonic milliseconds. */
  readonly ticks: () => number;
}

/** What one balancer has of it. */
interface Copy {
  readonly balancer: string;
  sent: number;
  /** Why the last sending failed. */
  reason: string | undefined;
  failures: number;
  notBefore: number;
  /** It takes no more. */
  full: boolean;
  sending: Promise<void> | undefined;
}

/**
 * Leaves the events of a command on every balancer, beside the roll: what has come is sent every 3 s, each balancer by itself, so that
 * one that is slow or dead holds neither the roll nor another. Begins with `began`.
 */
export class Journal {
  readonly #options: JournalOptions;
  readonly #copies: readonly Copy[];
  readonly #lines: string[] = [];
  #bytes = 0;
  #number: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#copies = options.balancers.map((balancer) => ({
      balancer,
      sent: 0,
      reason: undefined,
      failures: 0,
      notBefore: 0,
      full: false,
      sending: undefined,
    }));
  }

  tell(event: Event): void {
    if (event.type === 'began' && this.#number === undefined) {
      this.#number = String(event.number).padStart(6, '0');
      this.#timer = setInterval(() => this.#sendAll(), BEAT).unref();
    }
    if (this.#number === undefined) return;
    const wasLong = isLong(this.#bytes);
    this.#add(journalLine(event, this.#bytes));
    if (!wasLong && isLong(this.#bytes))
      this.#add(
        JSON.stringify({
          at: event.at,
          type: 'note',
          text: 'From here on only the end is told: this journal is long.',
        }),
      );
    if (event.type === 'finished') this.#sendAll();
  }

  /** Sends what is left, in so many milliseconds at most. Returns a sentence for each balancer that lacks something. Does not reject. */
  async end(within: number): Promise<string[]> {
    clearInterval(this.#timer);
    if (this.#number === undefined) return [];
    const late = new AbortController();
    const time = Promise.withResolvers<void>();
    late.signal.addEventListener('abort', () => time.resolve(), { once: true });
    const timeout = setTimeout(() => late.abort(), within);
    const rest = this.#copies.map(async (copy) => {
      await copy.sending;
      // Once more, however long it would rest otherwise; then as long as it goes well.
      for (let failures = copy.failures; !late.signal.aborted && this.#lacks(copy) && copy.failures <= failures;) {
        failures = copy.failures;
        // oxlint-disable-next-line no-await-in-loop -- portion after portion
        await this.#send(copy);
      }
    });
    await Promise.race([Promise.all(rest), time.promise]);
    clearTimeout(timeout);
    return this.#copies
      .filter((copy) => this.#lacks(copy))
      .map(({ balancer, sent, reason }) => {
        const some = sent === 0 ? 'none' : `${sent} of ${this.#lines.length}`;
        return `${balancer} has ${some} of this command's events in its history: ${reason ?? 'there was no time left'}`;
      });
  }

  #add(line: string | undefined): void {
    if (line === undefined) return;
    this.#lines.push(line);
    this.#bytes += Buffer.byteLength(line) + 1;
  }

  readonly #lacks = (copy: Copy): boolean => !copy.full && copy.sent < this.#lines.length;

  #sendAll(): void {
    const now = this.#options.ticks();
    for (const copy of this.#copies)
      if (copy.sending === undefined && now >= copy.notBefore && this.#lacks(copy)) void this.#send(copy);
  }

  #send(copy: Copy): Promise<void> {
    copy.sending = this.#sendPortion(copy).finally(() => (copy.sending = undefined));
    return copy.sending;
  }

  async #sendPortion(copy: Copy): Promise<void> {
    const from = copy.sent;
    let to = from;
    for (let bytes = 0; to < this.#lines.length && bytes < PORTION; to += 1) bytes += this.#lines[to]?.length ?? 0;
    const lines = this.#lines.slice(from, to).map((line) => `${line}\n`);
    try {
      const outcome = await this.#options.append(copy.balancer, this.#number ?? '', from, lines.join(''));
      const there = Number(/^lines ([0-9]+)$/m.exec(outcome.stdout)?.[1] ?? 0);
      copy.full = succeeded(outcome) && /^full$/m.test(outcome.stdout);
      if (copy.full || (succeeded(outcome) && there >= lines.length)) copy.sent = to;
      copy.reason = copy.sent === to ? undefined : (tail(outcome.stderr, 1)[0] ?? `journal.sh ${ending(outcome)}`);
    } catch (error) {
      copy.reason = error instanceof Error ? error.message : String(error);
    }
    copy.failures = copy.reason === undefined ? 0 : copy.failures + 1;
    copy.notBefore =
      copy.failures === 0 ? 0 : this.#options.ticks() + Math.min(LONGEST, BEAT * 2 ** Math.min(copy.failures, 10));
  }
}
