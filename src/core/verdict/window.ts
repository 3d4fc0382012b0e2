import { NO_TIMES, plus, type Histogram } from './bins.ts';

/**
 * What one arm did in one window on one balancer, as the balancer's follower adds it up. Health probes and requests that chose their arm by
 * a header are in none of it. Each attempt of a request that was tried again is its own upstream's.
 */
export interface Sums {
  readonly requests: number;
  /** Answers of 500-599 and none at all, a client (address and bucket) once in the whole canary, at its first, whichever arm that was in. */
  readonly errors: number;
  /** The same without that rule. */
  readonly errorsAll: number;
  /**
   * Times of what was no error and no event stream, of each client the first in the window: a client that asks a hundred times counts as one
   * that asks once. A request whose client gave up stands at the time that it waited.
   */
  readonly times: Histogram;
  /** Clients that this balancer had not seen in this arm (on this host) before, in this canary. */
  readonly newClients: number;
}

export const NO_SUMS: Sums = {
  requests: 0,
  errors: 0,
  errorsAll: 0,
  times: NO_TIMES,
  newClients: 0,
};

export const withSums = (a: Sums, b: Sums): Sums => ({
  requests: a.requests + b.requests,
  errors: a.errors + b.errors,
  errorsAll: a.errorsAll + b.errorsAll,
  times: plus(a.times, b.times),
  newClients: a.newClients + b.newClients,
});

/** Why a window is left out of the evidence: it is told, and not counted as zero. */
export type Skipped = 'the routing changed' | 'a canary host had only just come back' | 'the log had a gap';

/** Both arms on one balancer; with two slots a host, on one host of one balancer: each host is its own control there. */
export interface Stratum {
  readonly balancer: string;
  /** With two slots a host. */
  readonly host?: string;
  /** The canary's share of the buckets, above 0 and below 1; absent where users are not split. */
  readonly share?: number;
  readonly skipped?: Skipped;
  readonly canary: Sums;
  readonly baseline: Sums;
  /** The baseline's sums by host, where hosts are held against each other. */
  readonly hosts?: Readonly<Record<string, Sums>>;
}

/** Five seconds of all balancers. */
export interface Window {
  /** Seconds of the epoch at which it begins. */
  readonly t: number;
  readonly strata: readonly Stratum[];
}
