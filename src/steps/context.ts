import type { Readable } from 'node:stream';
import type { Emit } from '../core/event.ts';
import type { Clock, Probe, Remote } from '../fleet/ports.ts';

/** What the kinds of step act through. */
export interface StepContext {
  readonly remote: Remote;
  readonly probe: Probe;
  readonly clock: Clock;
  readonly emit: Emit;
  /** The text of a script of src/remote. */
  readonly script: (name: string) => string;
  /** A compressed tar stream of a commit. */
  readonly archive: (commit: string) => Readable;
  /** FOLDER TOKEN SEQUENCE HOLDER for the next changing script on a host. */
  readonly fence: (folder: string) => readonly string[];
  /** What judgements left for later steps (`when`). */
  readonly values: Map<string, boolean>;
}
