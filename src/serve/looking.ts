import { change } from '../change.ts';
import type { Order } from '../core/api/order.ts';
import type { Read } from '../core/api/reads.ts';
import type { Proposed } from '../core/api/views.ts';
import type { Plan } from '../core/plan.ts';
import { sentences } from '../core/sentences.ts';
import { calendarOf } from '../core/window-calendar.ts';
import type { Opened } from '../open.ts';
import { listHistory } from '../verbs/history.ts';
import { orderedChange } from '../verbs/ordered.ts';
import { listReleases } from '../verbs/releases.ts';
import { lookAtFleet } from '../verbs/status.ts';

/** What is only looked at, on the fleet: nothing here changes anything. */
export class Looking {
  readonly #openFleet: () => Promise<Opened>;
  readonly #stop: AbortSignal;
  readonly #reading = new Map<string, Promise<unknown>>();

  /** `stop`: aborted when the service ends. */
  constructor(openFleet: () => Promise<Opened>, stop: AbortSignal) {
    this.#openFleet = openFleet;
    this.#stop = stop;
  }

  /** Of those who ask for the same at once, one is answered, and all hear it. */
  async read(what: Read): Promise<unknown> {
    const under = this.#reading.get(what);
    if (under !== undefined) return under;
    const reading = this.#read(what).finally(() => this.#reading.delete(what));
    this.#reading.set(what, reading);
    return reading;
  }

  async #read(what: Read): Promise<unknown> {
    const opened = await this.#openFleet();
    try {
      if (what === 'status') return await lookAtFleet(opened, {});
      if (what === 'history') return await listHistory(opened, 100);
      if (what === 'releases') return await listReleases(opened);
      return calendarOf(opened.inventory, opened.clock.now(), opened.clock.zone());
    } finally {
      await opened.close();
    }
  }

  async plan(order: Order, by: string): Promise<Proposed> {
    const opened = { ...(await this.#openFleet()), by };
    try {
      const made = await orderedChange(opened, order);
      let shown: Plan | undefined;
      await change(
        made.opened,
        made.change,
        { dryRun: true, yes: true, show: (plan) => (shown = plan), stop: this.#stop },
        made.seen,
      );
      return {
        lines: shown === undefined ? [] : sentences(shown),
        plan: shown ?? null,
        empty: shown === undefined || shown.phases.length === 0,
      };
    } finally {
      await opened.close();
    }
  }
}
