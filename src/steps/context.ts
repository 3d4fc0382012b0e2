import type { Readable } from 'node:stream';
import type { Emit } from '../core/event.ts';
import type { Ratios } from '../core/verdict/ratio.ts';
import type { Clock, Probe, Remote } from '../fleet/ports.ts';

/** What the kinds of step act through. */
export interface StepContext {
  readonly remote: Remote;
  readonly probe: Probe;
  readonly clock: Clock;
  readonly emit: Emit;
  /** The text of a script of src/remote. */
  readonly script: (name: string) => string;
  /** A commit's files as a stream that the receiving script reads. */
  readonly archive: (commit: string) => Promise<Readable>;
  /** FOLDER TOKEN SEQUENCE HOLDER for the next changing script on a host. */
  readonly fence: (folder: string) => readonly string[];
  /** A reason to begin nothing more: the lease could not be renewed, or is another's. */
  readonly lapsed: () => string | undefined;
  /** Puts the secret that a plan does not tell back into what is sent; absent: there is none. */
  readonly unseal?: (text: string) => string;
  /** The times that `@time:N` stands for, filled at first use. */
  readonly times: Map<string, string>;
  /** What judgements left for later steps (`when`). */
  readonly values: Map<string, boolean>;
  /** What the access logs have shown of this roll so far, and where on each balancer the next look begins. */
  readonly bake: { evidence: Ratios; readonly at: Map<string, readonly [offset: string, inode: string]> };
  /** Aborted when a person asks to stop. What is in hand is finished all the same; only rests end. */
  readonly stop: AbortSignal;
  /** What the summary counts. */
  readonly counts: { reloads: number };
}
