import { setTimeout as rest } from 'node:timers/promises';
import type { Store } from './store.ts';

/** Milliseconds between two looks for what other services were asked. */
const LOOK = 1000;

/**
 * Wishes that a job stop. Each is kept with its job, since the service that is asked is not always the one that performs it: that one looks
 * for them while it has jobs in hand, as it looks for others' events while anybody follows.
 */
export class Stops {
  readonly #store: Pick<Store, 'stopWishes'>;
  readonly #shared: boolean;
  readonly #inHand = new Map<string, AbortController>();
  #looks = false;

  /** `shared`: other services may be asked too. */
  constructor(store: Pick<Store, 'stopWishes'>, shared: boolean) {
    this.#store = store;
    this.#shared = shared;
  }

  /** A job is in hand from now on. Aborted, as by Ctrl-C, when somebody wishes that it stop. */
  begin(job: string): AbortSignal {
    const controller = new AbortController();
    this.#inHand.set(job, controller);
    if (this.#shared && !this.#looks) void this.#look();
    return controller.signal;
  }

  end(job: string): void {
    this.#inHand.delete(job);
  }

  /** Looks now: what was wished before this was called is passed on. Rejects where the database is away. */
  async heed(): Promise<void> {
    for (const job of await this.#store.stopWishes([...this.#inHand.keys()])) this.#inHand.get(job)?.abort('SIGINT');
  }

  async #look(): Promise<void> {
    this.#looks = true;
    while (this.#inHand.size > 0) {
      // oxlint-disable no-await-in-loop
      // A database that is away is looked at again.
      await this.heed().catch(() => {});
      await rest(LOOK, undefined, { ref: false });
      // oxlint-enable no-await-in-loop
    }
    this.#looks = false;
  }
}
