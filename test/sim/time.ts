interface Due {
  readonly at: number;
  readonly work: () => void;
}

/** Time that passes only while everybody waits for it: from one event to the next, at once. */
export class Time {
  #now = 0;
  /** In the order of their time, and of their making. */
  readonly #queue: Due[] = [];
  /** Something was handed to the program, which runs on as far as it can without time. */
  #stirred = true;

  /** Milliseconds since the world began. */
  get now(): number {
    return this.#now;
  }

  /** Does something later. Returns how to leave it. */
  after(ms: number, work: () => void): () => void {
    const due = { at: this.#now + Math.max(0, ms), work };
    let from = 0;
    let to = this.#queue.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#queue[middle]!.at <= due.at) from = middle + 1;
      else to = middle;
    }
    this.#queue.splice(from, 0, due);
    return () => {
      const at = this.#queue.indexOf(due);
      if (at >= 0) this.#queue.splice(at, 1);
    };
  }

  stir(): void {
    this.#stirred = true;
  }

  /** Lets time pass until something is so, nothing is left to happen, or so much has passed. Returns whether it is so. */
  async pass(over: () => boolean, most: number): Promise<boolean> {
    const end = this.#now + most;
    for (;;) {
      if (this.#stirred) {
        this.#stirred = false;
        // Every promise and stream that can go on does so before this comes back.
        await new Promise((resolve) => setImmediate(resolve));
        continue;
      }
      if (over()) return true;
      const next = this.#queue[0];
      if (next === undefined || next.at > end) break;
      this.#queue.shift();
      this.#now = next.at;
      next.work();
    }
    this.#now = Math.max(this.#now, end);
    return over();
  }
}

/** Chance that is the same for the same seed. */
export class Chance {
  #state: number;
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** From 0 to below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  between(from: number, to: number): number {
    return from + this.next() * (to - from);
  }

  one<T>(among: readonly T[]): T | undefined {
    return among[Math.floor(this.next() * among.length)];
  }
}
