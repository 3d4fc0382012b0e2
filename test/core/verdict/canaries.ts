import { binOf } from '../../../src/core/verdict/bins.ts';
import type { Judge } from '../../../src/core/verdict/judge.ts';
import { judgeOf } from './windows.ts';
import { canaryOf, passes, SITE, t99Of, type Site } from './site.ts';

const wave = (t: number): number => Math.sin((2 * Math.PI * t) / 1800);

/** Releases that are no worse: hardly any of them may be called so. */
export const HEALTHY: Readonly<Record<string, Site>> = {
  'both arms alike': SITE,
  'load, errors and times that drift': {
    ...SITE,
    load: (t) => 10 + t / 90,
    errors: (_, t) => 0.001 + 0.019 * (t / 1800),
    slower: (_, t) => 1 + t / 1800,
  },
  'a daily curve of load, errors and times': {
    ...SITE,
    load: (t) => 20 * (1 + 0.9 * wave(t)),
    errors: (_, t) => 0.005 * (1 + 0.9 * wave(t)),
    slower: (_, t) => 1 + 0.4 * wave(t),
  },
  'shares of 1 %, 10 % and 50 %': {
    ...SITE,
    share: (t) => (t < 600 ? 0.01 : t < 1200 ? 0.1 : 0.5),
    errors: () => 0.005,
  },
  'users whose every request fails': { ...SITE, broken: { clients: 10, share: 0.01 } },
  'a bot that fails on both sides': { ...SITE, bot: 0.2 },
  'one client with 70 % of the requests': { ...SITE, whale: 0.7, errors: () => 0.005 },
  'hosts that stall, two slots': { ...SITE, slots: 2, stalls: { every: 600, last: 2 } },
  'hosts that stall, one slot': { ...SITE, stalls: { every: 600, last: 2 } },
  'a tight spread': { ...SITE, sigma: 0.1 },
  'a canary host that is 5 % slower': { ...SITE, slower: (_, __, host) => (host === 0 ? 1.05 : 1) },
};

const judgeFor = (site: Site): Judge => judgeOf({}, binOf(t99Of(site)));

/** How many of so many healthy canaries were called FAIL. */
export function falseAlarms(site: Site, runs: number): number {
  let failed = 0;
  for (let run = 0; run < runs; run += 1)
    if (canaryOf(site, run + 1, judgeFor(site)).judge.failed !== undefined) failed += 1;
  return failed;
}

/** Many clients, and as long as it takes. */
export const MANY: Site = { ...SITE, clients: 50_000, uneven: 1, seconds: 40_000, load: () => 40 };

/** Canary requests until FAIL, of each run, sorted. `from`: those before it are not counted. */
export function untilFail(site: Site, runs: number, from = 0): number[] {
  return Array.from({ length: runs }, (_, run) => {
    let before = 0;
    const { judge } = canaryOf(site, 5000 + run, judgeFor(site), ({ failed, times, totals }) => {
      if ((times?.last ?? 0) < from) before = totals.canary.requests;
      return failed !== undefined;
    });
    return (judge.failed?.canaryRequests ?? Number.POSITIVE_INFINITY) - before;
  }).toSorted((a, b) => a - b);
}

/** How many of so many canaries PASS within so many canary requests. */
export function passWithin(site: Site, requests: number, runs: number): number {
  let passed = 0;
  for (let run = 0; run < runs; run += 1) {
    const { judge } = canaryOf(
      site,
      9000 + run,
      judgeFor(site),
      (now) => now.totals.canary.requests > requests || passes(now),
    );
    if (judge.failed === undefined && judge.totals.canary.requests <= requests) passed += 1;
  }
  return passed;
}

export const median = (sorted: readonly number[]): number => sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
