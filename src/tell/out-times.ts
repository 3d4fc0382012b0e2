import type { EventBody } from '../core/event.ts';

/** How long each backend has been out of rotation during this command, in milliseconds, from the events that say who is. */
export class OutTimes {
  readonly #ticks: () => number;
  readonly #since = new Map<string, number>();
  readonly #sum = new Map<string, number>();
  constructor(ticks: () => number) {
    this.#ticks = ticks;
  }

  tell(event: EventBody): void {
    if (event.type !== 'rotation') return;
    const now = this.#ticks();
    for (const host of event.out) if (!this.#since.has(host)) this.#since.set(host, now);
    for (const host of event.in) {
      const since = this.#since.get(host);
      if (since !== undefined) this.#sum.set(host, (this.#sum.get(host) ?? 0) + now - since);
      this.#since.delete(host);
    }
  }

  of(host: string): number {
    const since = this.#since.get(host);
    return (this.#sum.get(host) ?? 0) + (since === undefined ? 0 : this.#ticks() - since);
  }
}
