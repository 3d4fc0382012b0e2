import { quantile } from './bins.ts';
import { clientsOf, FEW_CLIENTS, lnEOfCourse } from './course.ts';
import { lnEOf, type LnE } from './evidence.ts';
import { asBad, lnEOfJudge, type Judge } from './judge.ts';
import { lnPass } from './pass.ts';
import type { Sums } from './window.ts';

export type Verdict = 'PASS' | 'FAIL' | 'UNDECIDED' | 'NO-DATA';

/** Why the verdict is what it is. A closed list: the words for them are elsewhere. */
export type Because =
  | { readonly kind: 'worse'; readonly by: keyof LnE; readonly t: number; readonly canaryRequests: number }
  | { readonly kind: 'good' }
  | { readonly kind: 'silent' }
  | { readonly kind: 'few requests' }
  | { readonly kind: 'hosts differ'; readonly hosts: readonly string[] }
  | { readonly kind: 'few clients'; readonly clients: number }
  | { readonly kind: 'hardly slower' }
  /** It may be good, but there are signs of its being worse. */
  | { readonly kind: 'signs' }
  /** Neither: not enough has been seen. */
  | { readonly kind: 'too little' };

/** One arm in numbers. Quantiles in milliseconds; undefined: no time is known. */
export interface Arm {
  readonly requests: number;
  readonly errors: number;
  readonly errorsAll: number;
  readonly quantiles: readonly { readonly share: number; readonly ms: number | undefined }[];
}

/** What a judge would say now. */
export interface Reading {
  readonly verdict: Verdict;
  /** Whether it acts: FAIL at once, all else when the hold is over. */
  readonly over: boolean;
  readonly because: Because;
  /** Natural logarithms of the first E's three kinds, of the E that is judged, and of what speaks for PASS. */
  readonly lnE: LnE;
  readonly lnTogether: number;
  readonly lnPass: number;
  /** Logarithms of what decides: FAIL at `lnTogether`, PASS at `lnPass`. */
  readonly failAt: number;
  readonly passAt: number;
  readonly canary: Arm;
  readonly baseline: Arm;
}

/** β: the chance that a release at or above the bound of errors is called good. */
const BETA = 0.05;
/** ln of the evidence at which a release passes. */
export const PASS_AT = -Math.log(BETA);
const FEWEST = 20;

export function readingOf(now: Judge): Reading {
  const { rules, totals, times, failed } = now;
  const found = {
    lnE: lnEOf(now.canary.evidence),
    lnTogether: lnEOfCourse(now.canary, { ...rules, gates: false }),
    lnPass: lnPass(now.good, rules.maxErrorRate),
    failAt: -Math.log(rules.falseAlarms),
    passAt: PASS_AT,
  };
  const because = reasonOf(now, found);
  const over = failed !== undefined || (times !== undefined && times.last - times.step >= rules.hold);
  const [canary, baseline] = [armOf(totals.canary), armOf(totals.baseline)];
  return { ...found, verdict: VERDICTS[because.kind], over, because, canary, baseline };
}

const VERDICTS: Readonly<Record<Because['kind'], Verdict>> = {
  worse: 'FAIL',
  good: 'PASS',
  silent: 'NO-DATA',
  'few requests': 'NO-DATA',
  'hosts differ': 'UNDECIDED',
  'few clients': 'UNDECIDED',
  'hardly slower': 'UNDECIDED',
  signs: 'UNDECIDED',
  'too little': 'UNDECIDED',
};

type Found = Pick<Reading, 'lnE' | 'lnTogether' | 'lnPass' | 'failAt' | 'passAt'>;

function reasonOf(now: Judge, { lnE, lnTogether, lnPass: good, failAt, passAt }: Found): Because {
  if (now.failed !== undefined) return { kind: 'worse', by: heaviest(lnE), ...now.failed };
  const lately = { canary: 0, baseline: 0 };
  for (const { canary, baseline } of now.lately) {
    lately.canary += canary;
    lately.baseline += baseline;
  }
  if (lately.canary === 0 && lately.baseline > 0) return { kind: 'silent' };
  if (now.totals.canary.requests < FEWEST) return { kind: 'few requests' };
  if (lnTogether >= failAt) {
    if (lnEOfJudge(now) >= failAt) return { kind: 'hosts differ', hosts: asBad(now) };
    const clients = clientsOf(now.canary);
    return clients < FEW_CLIENTS ? { kind: 'few clients', clients } : { kind: 'hardly slower' };
  }
  if (good < passAt) return { kind: 'too little' };
  // 1 is no evidence at all, as where no request failed anywhere: the margin is that of a computer's arithmetic.
  return lnTogether <= 1e-9 ? { kind: 'good' } : { kind: 'signs' };
}

const heaviest = ({ errors, tail, rank }: LnE): keyof LnE => {
  // As they are weighed: errors twice.
  if (errors + Math.LN2 >= Math.max(tail, rank)) return 'errors';
  return tail >= rank ? 'tail' : 'rank';
};

const armOf = ({ requests, errors, errorsAll, times }: Sums): Arm => ({
  requests,
  errors,
  errorsAll,
  quantiles: [0.5, 0.95, 0.99].map((share) => ({ share, ms: quantile(times, share) })),
});
