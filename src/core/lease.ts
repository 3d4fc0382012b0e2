import { z } from 'zod';
import { parseJson } from './json.ts';
import { intent } from './record.ts';

/**
 * The lease of a balancer, as lease.sh wrote it. Its end is told in the host's uptime: clocks that jump don't matter, and after a
 * reboot it runs one term from boot.
 */

const words = z.string().max(2000);

const details = z.object({
  /** Whose machine holds it, and who sits there: `ada@laptop`. */
  by: words,
  command: words,
  /** When it was taken, ISO 8601, by the operator's clock: for people. */
  since: words,
  /** What the command is for, as the record will have it from its first flip on. */
  intent: intent.exactOptional(),
});

const lease = z.object({
  token: z.int().nonnegative(),
  holder: z.string().regex(/^[A-Za-z0-9._-]+$/),
  /** Seconds. */
  term: z.int().nonnegative(),
  boot: z.string(),
  /** Seconds of uptime in that boot; 0: given up. */
  until: z.int().nonnegative(),
  details,
});

export type Lease = z.infer<typeof lease>;
export type LeaseDetails = z.infer<typeof details>;

/** Seconds of a term, if nobody says otherwise. */
export const TERM = 30;

/** Where a host's time stands. */
export interface HostTime {
  readonly boot: string;
  /** Seconds since boot. */
  readonly uptime: number;
}

/** Reads a lease.json. `problem` is a sentence without the host's name. Never throws. */
export function parseLease(text: string): { readonly lease: Lease } | { readonly problem: string } {
  try {
    const read = lease.safeParse(parseJson(text));
    if (read.success) return { lease: read.data };
  } catch {}
  return { problem: 'its lease.json is not one that orchestrate wrote' };
}

/** Seconds for which the lease still lives on its host; 0: it was given up or has lapsed. */
export function remaining({ boot, until, term }: Lease, host: HostTime): number {
  if (until === 0) return 0;
  return Math.max(0, (boot === host.boot ? until : term) - host.uptime);
}

/** Whether its holder died, or was cut off: it has ended, and was never given up. */
export const lapsed = (held: Lease, host: HostTime): boolean => held.until !== 0 && remaining(held, host) === 0;

/** Why a command can't begin, for a person. `name`: the balancer that holds the lease. */
export function refusalOf({ details: { by, command, since } }: Lease, name: string, seconds: number): string {
  return `${shown(by)} holds the lease on ${name} with \`${shown(command)}\` since ${shown(since)}; it ends in ${Math.ceil(seconds)} s unless it is renewed`;
}

/** The token for a new lease: above every one that any host has seen. */
export function nextToken(seen: readonly number[]): number {
  return Math.max(0, ...seen) + 1;
}

/** What `acquire` is given: one JSON object on one line. */
export function formatDetails(value: LeaseDetails): string {
  const { by, command, since, intent: begun } = value;
  return JSON.stringify({ by, command, since, ...(begun === undefined ? {} : { intent: begun }) });
}

function shown(text: string): string {
  return text.replaceAll(/\p{C}/gu, '?').slice(0, 200);
}
