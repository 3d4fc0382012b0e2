import type { Failure } from './failure.ts';
import type { Reading } from './verdict/reading.ts';

/** What happens, as it happens. Listeners (src/tell) show, write or send it; nothing else is told to anyone. `at` is ISO 8601 in UTC. */
export type Event = { readonly at: string } & EventBody;

export type EventBody =
  | {
      readonly type: 'began';
      readonly app: string;
      readonly command: string;
      /** Who began it: user@machine. */
      readonly by: string;
      /** The lease's token: under this number it stands in the history. */
      readonly number: number;
      readonly title: string;
      readonly hosts: readonly string[];
      /** The releases that it moves between, where it switches one; from null: none ran before. */
      readonly from?: string | null;
      readonly to?: string;
    }
  | { readonly type: 'note'; readonly text: string }
  /** Before anything has begun: what is waited for; told now and then, and with nothing left when it is over. */
  | {
      readonly type: 'waiting';
      readonly text: string;
      /** ISO 8601, UTC. */
      readonly until: string;
      /** Milliseconds. */
      readonly left: number;
    }
  | {
      readonly type: 'phase';
      readonly name: string;
      readonly title: string;
      readonly number: number;
      readonly of: number;
      readonly batch?: { readonly number: number; readonly of: number; readonly hosts: readonly string[] };
    }
  | {
      readonly type: 'step';
      readonly state: 'started' | 'done' | 'failed' | 'skipped';
      readonly host: string;
      readonly say: string;
      /** Milliseconds, once it has ended. */
      readonly took?: number;
      /** What the step had to tell. */
      readonly note?: string;
    }
  | { readonly type: 'output'; readonly host: string; readonly line: string }
  | { readonly type: 'rotation'; readonly in: readonly string[]; readonly out: readonly string[] }
  | { readonly type: 'failed'; readonly failure: Failure }
  | { readonly type: 'going back'; readonly title: string }
  /** What a canary's watcher knows after a window, or after several. */
  | {
      readonly type: 'canary';
      readonly release: string;
      readonly baseline: string;
      /** Of a hundred. */
      readonly share: number;
      /** Seconds for which this share has been judged, and for which it is. */
      readonly lasted: number;
      readonly hold: number;
      readonly reading: Reading;
    }
  | { readonly type: 'finished'; readonly exit: number; readonly summary: Summary };

export interface Summary {
  readonly sentence: string;
  readonly hosts: readonly HostSummary[];
  /** Milliseconds of the whole command. */
  readonly took: number;
  readonly reloads: number;
}

export interface HostSummary {
  readonly host: string;
  /** The release that it is known to run; null: none, or not known. */
  readonly release: string | null;
  readonly rotation: 'in' | 'out' | 'unknown';
  /** Milliseconds out of rotation during this command. */
  readonly out: number;
  readonly note?: string;
}

export type Emit = (event: EventBody) => void;

/** How a command begins. */
export type Beginning = Extract<EventBody, { type: 'began' }>;
