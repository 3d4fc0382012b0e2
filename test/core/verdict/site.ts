import { binOf, BINS, NO_TIMES } from '../../../src/core/verdict/bins.ts';
import { judge, step, type Judge } from '../../../src/core/verdict/judge.ts';
import { seeded } from '../../../src/core/verdict/random.ts';
import { readingOf } from '../../../src/core/verdict/reading.ts';
import type { Stratum, Sums, Window } from '../../../src/core/verdict/window.ts';

/** A site under a canary, imagined request by request, with a balancer that follows its own log as the real one does. */
export interface Site {
  /** How long the canary lasts. */
  readonly seconds: number;
  /** Requests a second of the whole site, at a time. */
  readonly load: (t: number) => number;
  /** Share of the users in the canary, at a time; where it changes a new step begins. */
  readonly share: (t: number) => number;
  readonly clients: number;
  /** 1: all come alike often; more: some come often, most seldom. */
  readonly uneven: number;
  /** One: the canary has host 0 and the baseline the others. Two: both have all of them, each host is a stratum. */
  readonly slots: 1 | 2;
  readonly hosts: number;
  /** The chance that a request fails. */
  readonly errors: (canary: boolean, t: number) => number;
  /** By what its time is multiplied, and the spread of times (sigma of their logarithm; the median is 80 ms). */
  readonly slower: (canary: boolean, t: number, host: number) => number;
  readonly sigma: number;
  /** The chance that a request takes far longer than t99. */
  readonly stuck: (canary: boolean) => number;
  /** Clients of which every request fails; they make a share of all requests. */
  readonly broken: { readonly clients: number; readonly share: number };
  /** One client that makes so large a share of all requests. */
  readonly whale: number;
  /** Requests without a cookie, from one address, that all fail: each falls to an arm by chance. */
  readonly bot: number;
  /** Seconds between two stalls of a host, on the average, and how long they last; 0: none. */
  readonly stalls: { readonly every: number; readonly last: number };
}

/** A small healthy site, of which both arms are alike. */
export const SITE: Site = {
  seconds: 1800,
  load: () => 20,
  share: () => 0.1,
  clients: 3000,
  uneven: 2,
  slots: 1,
  hosts: 5,
  errors: () => 0.001,
  slower: () => 1,
  sigma: 0.5,
  stuck: () => 0,
  broken: { clients: 0, share: 0 },
  whale: 0,
  bot: 0,
  stalls: { every: 0, last: 0 },
};

const MEDIAN = 80;

/** So many numbers that are normally distributed. */
const chance = seeded(1);
const NORMAL = Float64Array.from(
  { length: 50_000 },
  () => Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance()),
);

/** What the log told before the canary: a hundredth of the times are longer. */
export const t99Of = ({ sigma }: Pick<Site, 'sigma'>): number => MEDIAN * Math.exp(2.3263 * sigma);

const SLICE = 5;

interface Counting {
  requests: number;
  errors: number;
  errorsAll: number;
  newClients: number;
  times: number[] | undefined;
}

const nothing = (): Counting => ({
  requests: 0,
  errors: 0,
  errorsAll: 0,
  newClients: 0,
  times: undefined,
});
const closed = (counting: Counting): Sums => ({ ...counting, times: counting.times ?? NO_TIMES });

/** Goes through a site's canary window by window, until `done` says so. Returns the judge and how many canary requests there were. */
export function canaryOf(
  site: Site,
  seed: number,
  from: Judge,
  done: (now: Judge) => boolean = ({ failed }) => failed !== undefined,
): { readonly judge: Judge; readonly t: number } {
  const windows = windowsOf(site, seed);
  let now = from;
  let share = site.share(0);
  for (let t = 0; t < site.seconds; t += SLICE) {
    const changed = site.share(t) !== share;
    if (changed) now = step(now, t);
    share = site.share(t);
    const window = windows(t);
    now = judge(
      now,
      changed
        ? { ...window, strata: window.strata.map((each) => ({ ...each, skipped: 'the routing changed' })) }
        : window,
    );
    if (done(now)) return { judge: now, t };
  }
  return { judge: now, t: site.seconds };
}

/** The first window after which it would PASS, were the hold over. */
export const passes = (now: Judge): boolean => now.failed !== undefined || readingOf(now).verdict === 'PASS';

function windowsOf(site: Site, seed: number): (t: number) => Window {
  const random = seeded(seed);
  const { clients, uneven, hosts, slots, stalls } = site;
  const normal = (): number => NORMAL[Math.floor(random() * NORMAL.length)] ?? 0;
  const time = (): number => MEDIAN * Math.exp(site.sigma * normal());
  const t99 = t99Of(site);
  // Each client's place among the buckets, from 0 to below 1.
  const place = Float64Array.from({ length: clients + 1 }, random);
  // What the follower remembers of each client: whether it has erred in this canary, and in which window its time was last counted.
  const erred = new Uint8Array(clients + 1);
  const timedIn = new Int32Array(clients + 1).fill(-1);
  const seen = new Int32Array((clients + 1) * 2);
  const stalledUntil = new Float64Array(hosts);

  return (t) => {
    const share = site.share(t);
    const mean = site.load(t) * SLICE;
    const arrivals = Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
    const byHost = Array.from({ length: hosts }, () => [nothing(), nothing()] as const);
    if (stalls.every > 0)
      for (let host = 0; host < hosts; host += 1)
        if (random() < SLICE / stalls.every) stalledUntil[host] = t + random() * SLICE + stalls.last;
    for (let arrival = 0; arrival < arrivals; arrival += 1) {
      const kind = random();
      const bot = kind < site.bot;
      const whale = !bot && kind < site.bot + site.whale;
      const broken = !bot && !whale && kind < site.bot + site.whale + site.broken.share;
      const client = bot
        ? clients
        : whale
          ? 0
          : broken
            ? 1 + Math.floor(random() * site.broken.clients)
            : Math.floor(clients * random() ** uneven);
      const canary = (bot ? random() : (place[client] ?? 0)) < share;
      const host = slots === 2 ? Math.floor(random() * hosts) : canary ? 0 : 1 + Math.floor(random() * (hosts - 1));
      const counting = byHost[host]?.[canary ? 0 : 1];
      if (counting === undefined) continue;
      counting.requests += 1;
      const bit = 1 << (canary ? 0 : slots === 2 ? 1 : host);
      if (((seen[client] ?? 0) & bit) === 0) {
        seen[client] = (seen[client] ?? 0) | bit;
        counting.newClients += 1;
      }
      if (bot || broken || random() < site.errors(canary, t)) {
        counting.errorsAll += 1;
        if (erred[client] === 0) {
          erred[client] = 1;
          counting.errors += 1;
        }
        continue;
      }
      const stuck = site.stuck(canary);
      let ms = time() * site.slower(canary, t, host);
      if (stuck > 0 && random() < stuck) ms = t99 * (1.2 + random());
      if (stalls.every > 0) {
        const wait = ((stalledUntil[host] ?? 0) - (t + (SLICE * arrival) / arrivals)) * 1000;
        if (wait > 0 && wait < stalls.last * 1000) ms += wait;
      }
      if (timedIn[client] !== t) {
        timedIn[client] = t;
        counting.times ??= [...NO_TIMES];
        const bin = binOf(ms);
        counting.times[bin] = (counting.times[bin] ?? 0) + 1;
      }
    }
    return { t, strata: slots === 2 ? byHostStrata(byHost, share) : [oneStratum(byHost, share)] };
  };
}

const byHostStrata = (byHost: readonly (readonly [Counting, Counting])[], share: number): Stratum[] =>
  byHost.map(([canary, baseline], host) => ({
    balancer: 'lb1',
    host: `web${host}`,
    share,
    canary: closed(canary),
    baseline: closed(baseline),
  }));

function oneStratum(byHost: readonly (readonly [Counting, Counting])[], share: number): Stratum {
  const all = nothing();
  const times = [...NO_TIMES];
  for (const [, baseline] of byHost) {
    for (const key of ['requests', 'errors', 'errorsAll', 'newClients'] as const) all[key] += baseline[key];
    if (baseline.times === undefined) continue;
    for (let bin = 0; bin < BINS; bin += 1) times[bin] = (times[bin] ?? 0) + (baseline.times[bin] ?? 0);
  }
  return {
    balancer: 'lb1',
    share,
    canary: closed(byHost[0]?.[0] ?? nothing()),
    baseline: closed({ ...all, times }),
    hosts: Object.fromEntries(byHost.slice(1).map(([, baseline], host) => [`web${host + 1}`, closed(baseline)])),
  };
}
