/** How a command on a host ended. A closed list: nothing else is ever taken for a success. */
export type Outcome =
  | { readonly kind: 'exited'; readonly code: number; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'signalled'; readonly signal: string; readonly stdout: string; readonly stderr: string }
  /** Still running when its deadline passed; the channel was closed, the effect is unknown until someone looks. */
  | { readonly kind: 'timed out'; readonly after: number; readonly stdout: string; readonly stderr: string }
  /**
   * The link went: the effect is unknown until someone looks. `reason` is the transport's own word. `here`: it was cut from this side,
   * because one of the call's own streams broke.
   */
  | {
      readonly kind: 'lost';
      readonly reason: string;
      readonly here?: true;
      readonly stdout: string;
      readonly stderr: string;
    };

export const succeeded = (outcome: Outcome): boolean => outcome.kind === 'exited' && outcome.code === 0;

/** Exit codes that the scripts in src/remote use beyond 0 and 1; common.sh has the same list. */
export const SCRIPT_EXIT = {
  /** Another operator has taken over: this (token, sequence) is not above the highest that the host has seen. */
  fenced: 75,
  /** The host's lock was not free within the time allowed. */
  busy: 76,
  /** Compare-and-swap: what was observed is no longer so. */
  moved: 77,
  /** Something that must be there or must be allowed is not; nothing was changed. */
  refused: 78,
} as const;
