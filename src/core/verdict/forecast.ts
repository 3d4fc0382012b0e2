import { lnTogether } from './evidence.ts';
import { lnPass, NOTHING_GOOD } from './pass.ts';
import { binomial, seeded } from './random.ts';
import { lnERatio, NO_EVIDENCE, withCounts } from './ratio.ts';

/** A canary that is imagined. */
export interface Imagined {
  /** Requests a second, of both arms together. */
  readonly perSecond: number;
  /** The canary's share of them, above 0 and below 1. */
  readonly share: number;
  /** Rates of errors, above 0 and below 1. */
  readonly canary: number;
  readonly baseline: number;
}

/** How long it takes, in seconds; undefined: longer than was waited for. */
export interface Wait {
  readonly median: number | undefined;
  readonly nineInTen: number | undefined;
}

const RUNS = 400;
const SEED = 20_111;
/** A run is given up after so many canary requests, or a day: nobody waits that long. */
const MOST_REQUESTS = 20_000;
const MOST_SECONDS = 86_400;

/** How long canaries like this take until their errors make them FAIL. `failAt`: ln of the evidence that does. */
export const untilFail = (imagined: Imagined, failAt: number): Wait =>
  waitOf(imagined, () => {
    let evidence = NO_EVIDENCE;
    return (newRequests, newErrors, oldRequests, oldErrors) => {
      evidence = withCounts(evidence, { newRequests, newErrors, oldRequests, oldErrors });
      // Times are taken to say nothing.
      return lnTogether({ errors: lnERatio(evidence), tail: 0, rank: 0 }) >= failAt;
    };
  });

/** How long canaries like this take until so much speaks for them that they PASS. `passAt`: ln of the evidence that does. */
export const untilPass = (imagined: Imagined, bound: number, passAt: number): Wait =>
  waitOf(imagined, () => {
    let good = NOTHING_GOOD;
    return (requests, errors) => {
      good = { answered: good.answered + requests, errors: good.errors + errors };
      return lnPass(good, bound) >= passAt;
    };
  });

type Judged = (newRequests: number, newErrors: number, oldRequests: number, oldErrors: number) => boolean;

function waitOf(imagined: Imagined, judgeOf: () => Judged): Wait {
  const random = seeded(SEED);
  const found: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const took = once(imagined, judgeOf(), random);
    if (took !== undefined) found.push(took);
    // More than half are given up: there is no median any more.
    else if (run + 1 - found.length > RUNS / 2) break;
  }
  const sorted = found.toSorted((a, b) => a - b);
  return { median: sorted[RUNS / 2 - 1], nineInTen: sorted[RUNS * 0.9 - 1] };
}

function once(
  { perSecond, share, canary, baseline }: Imagined,
  judged: Judged,
  random: () => number,
): number | undefined {
  // Thin windows are merged: so are these.
  const window = Math.min(60, Math.max(5, Math.ceil(50 / perSecond)));
  let requests = 0;
  for (let t = window; t <= MOST_SECONDS && requests < MOST_REQUESTS; t += window) {
    const ours = Math.floor(t * perSecond * share) - Math.floor((t - window) * perSecond * share);
    const theirs = Math.floor(t * perSecond * (1 - share)) - Math.floor((t - window) * perSecond * (1 - share));
    requests += ours;
    if (judged(ours, binomial(random, ours, canary), theirs, binomial(random, theirs, baseline))) return t;
  }
  return undefined;
}
