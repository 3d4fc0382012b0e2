import type { Beginning, Event, Summary } from './event.ts';
import type { Failure } from './failure.ts';

/** What of a command is worth telling others: hooks and webhooks are told of moments, not of steps. */
export type Moment = { readonly at: string; readonly beginning: Beginning } & (
  | { readonly kind: 'started' }
  /** The hosts run the new release and are back in rotation. */
  | { readonly kind: 'batch'; readonly number: number; readonly of: number; readonly hosts: readonly string[] }
  /** Something failed: told once, as soon as it does; at the latest when the command ends with another code than 0. */
  | { readonly kind: 'failed'; readonly failure?: Failure; readonly exit?: number }
  | {
      readonly kind: 'finished';
      readonly exit: number;
      readonly summary: Summary;
      /** The first thing that failed. */
      readonly failure?: Failure;
    }
);

/** Makes moments of events, in their order. */
export class Moments {
  #beginning: Beginning | undefined;
  /** A batch that has been switched and is not back yet. */
  #batch: { readonly number: number; readonly of: number; readonly hosts: readonly string[] } | undefined;
  #failed: { readonly failure: Failure } | undefined;
  /** It goes back: batches are no progress any more. */
  #back = false;

  tell(event: Event): Moment[] {
    if (event.type === 'began') {
      const { at: _at, ...beginning } = event;
      this.#beginning = beginning;
    }
    const beginning = this.#beginning;
    if (beginning === undefined) return [];
    const told = { at: event.at, beginning } as const;
    switch (event.type) {
      case 'began':
        return [{ ...told, kind: 'started' }];
      case 'phase':
        if (event.name === 'batch' && !this.#back) this.#batch = event.batch;
        return [];
      case 'rotation': {
        const batch = this.#batch;
        this.#batch = undefined;
        return batch === undefined ? [] : [{ ...told, kind: 'batch', ...batch }];
      }
      case 'failed': {
        this.#batch = undefined;
        if (this.#failed !== undefined) return [];
        this.#failed = { failure: event.failure };
        return [{ ...told, kind: 'failed', failure: event.failure }];
      }
      case 'going back':
        this.#batch = undefined;
        this.#back = true;
        return [];
      case 'finished': {
        const { exit, summary: ended } = event;
        const failed = exit !== 0 && this.#failed === undefined;
        return [
          ...(failed ? [{ ...told, kind: 'failed', exit } as const] : []),
          { ...told, kind: 'finished', exit, summary: ended, ...this.#failed },
        ];
      }
      case 'note':
      case 'waiting':
      case 'step':
      case 'output':
      case 'canary':
        return [];
    }
  }
}
