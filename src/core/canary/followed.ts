import { z } from 'zod';
import { BINS } from '../verdict/bins.ts';
import { parseJson } from '../json.ts';

/** What a balancer's follower adds up in one window (src/remote/adding-up.sh). Read back from hosts, so it is untrusted input. */

const count = z.int().nonnegative().max(1e12);
const flag = z.union([z.literal(0), z.literal(1)]);

const upstream = z.strictObject({
  /** As in $upstream_addr. */
  address: z.string().max(100),
  n: count,
  errors: count,
  errors_all: count,
  clients: count,
  times: z
    .array(
      z.tuple([
        z
          .int()
          .min(0)
          .max(BINS - 1),
        count,
      ]),
    )
    .max(BINS),
});

const followed = z.strictObject({
  /** Seconds of the epoch at which the window begins. */
  t: z.int().min(0).max(1e12),
  generation: count,
  /** Lanes that lead to the canary, of a hundred. */
  buckets: z.int().min(0).max(100),
  /** `live` was made to name another generation. */
  moved: flag,
  /** Lines were lost. */
  gap: flag,
  lines: count,
  strange: count,
  /** Requests of the address that sent the most. */
  top: count,
  clients: z.strictObject({ canary: count, baseline: count }),
  /** Of an A/B window: new clients who came to each goal. */
  goals: z.record(z.string().max(40), z.strictObject({ canary: count, baseline: count })).exactOptional(),
  upstreams: z.array(upstream).max(10_000),
});

export type Followed = z.infer<typeof followed>;
export type FollowedUpstream = z.infer<typeof upstream>;

/** What watch.sh printed. */
export interface Watched {
  /** Whether a follower runs. */
  readonly following: boolean;
  /** Whether it would send everybody back if nobody watched. */
  readonly armed: boolean;
  /** What `live` names there. */
  readonly live: string;
  /** Where the next look begins, in bytes. */
  readonly at: number;
  readonly windows: readonly Followed[];
  /** Windows that can't be read. */
  readonly odd: number;
}

/** Reads what watch.sh printed, or says that it can't be. A window that can't be understood is left aside, and counted. */
export function parseWatched(output: string): Watched | { readonly problem: string } {
  const [, following, armed, live = '', at, rest = ''] =
    /^following (yes|no)\narmed (yes|no)\nlive (\S{1,100})\nat (\d{1,15})\n([^]*)$/.exec(output) ?? [];
  if (at === undefined) return { problem: 'what the follower of the access log has added up can not be read' };
  const windows: Followed[] = [];
  let odd = 0;
  for (const line of rest.split('\n')) {
    if (line === '') continue;
    const window = parseFollowed(line);
    if (window === undefined) odd += 1;
    else windows.push(window);
  }
  return { following: following === 'yes', armed: armed === 'yes', live, at: Number(at), windows, odd };
}

export function parseFollowed(line: string): Followed | undefined {
  try {
    return followed.safeParse(parseJson(line)).data;
  } catch {
    return undefined;
  }
}
