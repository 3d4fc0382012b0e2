/**
 * So many at once, the others in the order of their coming. (p-queue, which the roll has for hosts, runs functions; here a turn is held
 * across events, and its number shrinks when a host allows less than was thought.) What is urgent comes before the others, and has turns
 * that they can't take: it never waits for the end of something long.
 */
export class Turns {
  #limit: number;
  readonly #kept: number;
  #taken = 0;
  readonly #waiting: (() => void)[] = [];
  readonly #urgent: (() => void)[] = [];

  /** @param kept of these, for what is urgent */
  constructor(limit: number, kept = 0) {
    this.#limit = limit;
    this.#kept = kept;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Resolves when it is one's turn, with the function that gives it up (once; again does nothing). */
  async take(urgent = false): Promise<() => void> {
    if (this.#taken >= this.#most(urgent))
      await new Promise<void>((go) => (urgent ? this.#urgent : this.#waiting).push(go));
    else this.#taken += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      // The turn goes from hand to hand, so that nobody who comes in between overtakes.
      const next = this.#next();
      if (next === undefined) this.#taken -= 1;
      else next();
    };
  }

  /** No more than this from now on, and at least one. */
  lower(limit: number): void {
    this.#limit = Math.max(1, Math.min(this.#limit, limit));
  }

  #most(urgent: boolean): number {
    return urgent ? this.#limit : Math.max(1, this.#limit - this.#kept);
  }

  #next(): (() => void) | undefined {
    if (this.#taken <= this.#limit && this.#urgent.length > 0) return this.#urgent.shift();
    return this.#taken <= this.#most(false) ? this.#waiting.shift() : undefined;
  }
}
