import { BEGINNING, lnEOfCourse, refreshed, withArms, type Course } from './course.ts';
import { minus, NO_TIMES } from './bins.ts';
import { merged, type Waiting } from './merging.ts';
import { NOTHING_GOOD, type Good } from './pass.ts';
import { NO_SUMS, withSums, type Skipped, type Stratum, type Sums, type Window } from './window.ts';

/** By what a canary is judged. */
export interface Rules {
  /** α: the chance that a good release is ever called bad, above 0 and below 1. */
  readonly falseAlarms: number;
  /** The rate of errors at which a release is not good, above 0 and below 1. */
  readonly maxErrorRate: number;
  /** Seconds for which PASS is not read, and after which it is read once: at each step anew. */
  readonly hold: number;
  /** A fresh E every five minutes and at each step. */
  readonly restarts: boolean;
  /** Thin windows are merged. Else each is judged as it is. */
  readonly merging: boolean;
  /** What may hold back a FAIL: few clients, a median that is hardly slower, a burst of slow requests, baseline hosts that differ among themselves. */
  readonly gates: boolean;
}

/** A canary as it has been judged so far. A value: whoever has it can go on with it. */
export interface Judge {
  readonly rules: Rules;
  /** The bin of the baseline's t99, taken before the first window and never moved: what is in a higher one is slow. Absent: nothing is. */
  readonly t99: number | undefined;
  readonly canary: Course;
  /** Each baseline host against the others, where the windows tell of them. */
  readonly hosts: Readonly<Record<string, Course>>;
  /** Of this step. */
  readonly good: Good;
  readonly waiting: Waiting;
  readonly totals: { readonly canary: Sums; readonly baseline: Sums };
  /** Requests of the windows of the last minute, skipped ones too. */
  readonly lately: readonly { readonly t: number; readonly canary: number; readonly baseline: number }[];
  readonly skipped: Readonly<Record<Skipped, number>>;
  /** Strata in which an arm had no request: they say nothing of errors or times. */
  readonly oneSided: number;
  readonly times: Times | undefined;
  readonly failed: { readonly t: number; readonly canaryRequests: number } | undefined;
}

/** Seconds of the epoch. */
interface Times {
  readonly began: number;
  readonly step: number;
  readonly fresh: number;
  readonly last: number;
}

const NONE: Waiting = new Map();
const FRESH_EVERY = 300;
/** Nothing for so many seconds, while the baseline had requests, is no data. */
const LATELY = 60;

export const opened = (rules: Rules, t99: number | undefined): Judge => ({
  rules,
  t99,
  canary: BEGINNING,
  hosts: {},
  good: NOTHING_GOOD,
  waiting: NONE,
  totals: { canary: NO_SUMS, baseline: NO_SUMS },
  lately: [],
  skipped: { 'the routing changed': 0, 'a canary host had only just come back': 0, 'the log had a gap': 0 },
  oneSided: 0,
  times: undefined,
  failed: undefined,
});

/** After one more window; their times never go back. What was called FAIL stays so. */
export function judge(before: Judge, window: Window): Judge {
  const counted = withWindow(inTime(before, window.t), window);
  const { merging } = counted.rules;
  const seen = window.strata.filter(({ skipped }) => skipped === undefined);
  const { waiting, ready } = merging ? merged(counted.waiting, window.t, seen) : { waiting: NONE, ready: seen };
  const now = ready.reduce<Judge>(withStratum, { ...counted, waiting });
  if (now.failed !== undefined || !isWorse(now)) return now;
  return { ...now, failed: { t: window.t, canaryRequests: now.totals.canary.requests } };
}

/** The share is raised: PASS is asked anew, and a regression that only the larger share brings has fresh evidence against it. */
export const step = (before: Judge, t: number): Judge => ({
  ...fresh(before, t),
  good: NOTHING_GOOD,
  times: before.times === undefined ? undefined : { ...before.times, step: t, fresh: t },
});

/** ln of the E by which FAIL is decided. */
export const lnEOfJudge = ({ canary, rules }: Judge): number => lnEOfCourse(canary, rules);

/** The baseline hosts whose evidence against them is at least the canary's: while there is one, the hosts differ among themselves. */
export function asBad(now: Judge): readonly string[] {
  const bound = lnEOfJudge(now);
  return Object.entries(now.hosts).flatMap(([host, course]) => (lnEOfCourse(course, now.rules) >= bound ? [host] : []));
}

const isWorse = (now: Judge): boolean =>
  lnEOfJudge(now) >= -Math.log(now.rules.falseAlarms) && (!now.rules.gates || asBad(now).length === 0);

function inTime(before: Judge, t: number): Judge {
  const { times } = before;
  if (times === undefined) return { ...before, times: { began: t, step: t, fresh: t, last: t } };
  if (before.rules.restarts && t - times.fresh >= FRESH_EVERY) return fresh(before, t);
  return { ...before, times: { ...times, last: t } };
}

const fresh = (before: Judge, t: number): Judge => ({
  ...before,
  canary: refreshed(before.canary),
  hosts: Object.fromEntries(Object.entries(before.hosts).map(([host, course]) => [host, refreshed(course)])),
  times: before.times === undefined ? undefined : { ...before.times, fresh: t, last: t },
});

/** What needs no strata: totals, the evidence that it is good, who was there lately. */
function withWindow(before: Judge, { t, strata }: Window): Judge {
  const skipped = { ...before.skipped };
  let { good, totals, oneSided } = before;
  const now = { t, canary: 0, baseline: 0 };
  for (const { skipped: reason, canary, baseline } of strata) {
    now.canary += canary.requests;
    now.baseline += baseline.requests;
    if (reason !== undefined) {
      skipped[reason] += 1;
      continue;
    }
    if (canary.requests === 0 || baseline.requests === 0) oneSided += 1;
    good = { answered: good.answered + canary.requests, errors: good.errors + canary.errorsAll };
    totals = { canary: withSums(totals.canary, canary), baseline: withSums(totals.baseline, baseline) };
  }
  const lately = [...before.lately.filter((each) => each.t > t - LATELY), now];
  return { ...before, skipped, good, totals, oneSided, lately };
}

function withStratum(before: Judge, { balancer, share, canary, baseline, hosts = {} }: Stratum): Judge {
  const terms = { t99: before.t99, holdBursts: before.rules.gates };
  const others: Record<string, Course> = { ...before.hosts };
  for (const [host, sums] of Object.entries(hosts))
    others[host] = withArms(others[host] ?? lateBeginning(before), balancer, sums, without(baseline, sums), terms);
  return { ...before, canary: withArms(before.canary, balancer, canary, baseline, { ...terms, share }), hosts: others };
}

/** A host that comes later has as many fresh beginnings as the others: its evidence is weighed as theirs is. */
const lateBeginning = ({ canary }: Judge): Course => ({
  ...BEGINNING,
  begun: canary.begun.map(() => BEGINNING.evidence),
});

const without = (all: Sums, some: Sums): Sums => ({
  requests: all.requests - some.requests,
  errors: all.errors - some.errors,
  errorsAll: all.errorsAll - some.errorsAll,
  times: some.times === NO_TIMES ? all.times : minus(all.times, some.times),
  newClients: all.newClients - some.newClients,
});
