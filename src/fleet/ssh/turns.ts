/**
 * So many at once, the others in the order of their coming. (p-queue, which the roll has for hosts, runs functions; here a turn is held
 * across events, and its number shrinks when a host allows less than was thought.)
 */
export class Turns {
  #limit: number;
  #taken = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Resolves when it is one's turn, with the function that gives it up (once; again does nothing). */
  async take(): Promise<() => void> {
    if (this.#taken >= this.#limit) await new Promise<void>((go) => this.#waiting.push(go));
    else this.#taken += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      // The turn goes from hand to hand, so that nobody who comes in between overtakes.
      const next = this.#taken <= this.#limit ? this.#waiting.shift() : undefined;
      if (next === undefined) this.#taken -= 1;
      else next();
    };
  }

  /** No more than this from now on, and at least one. */
  lower(limit: number): void {
    this.#limit = Math.max(1, Math.min(this.#limit, limit));
  }
}
