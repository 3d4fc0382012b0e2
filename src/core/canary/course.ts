import { judge, opened, step, type Judge, type Rules } from '../verdict/judge.ts';
import { readingOf, type Reading } from '../verdict/reading.ts';
import type { Window } from '../verdict/window.ts';

/** A canary as its watcher knows it: made of the windows alone, so that whoever comes later, from another machine, comes to the same. */
export interface Course {
  readonly judge: Judge;
  /** Of the last window in which users were split; 0: none yet. Of 1. */
  readonly share: number;
}

export const beginning = (rules: Rules, t99: number | undefined): Course => ({ judge: opened(rules, t99), share: 0 });

/** After one more window. Where the share has grown, PASS is asked anew. */
export function after(before: Course, window: Window): Course {
  const share = window.strata.find(({ skipped }) => skipped === undefined)?.share ?? before.share;
  const grown = before.share > 0 && share > before.share;
  return { judge: judge(grown ? step(before.judge, window.t) : before.judge, window), share };
}

/** What is to be done about a canary now. */
export type Decision =
  | { readonly kind: 'wait' }
  | { readonly kind: 'abort' }
  | { readonly kind: 'climb'; readonly share: number }
  | { readonly kind: 'over'; readonly verdict: 'PASS' | 'UNDECIDED' | 'NO-DATA' };

/** FAIL acts at once; all else is read when the hold is over. `steps`: shares that are still to come. */
export function decide(
  course: Course,
  steps: readonly number[],
): { readonly decision: Decision; readonly reading: Reading } {
  const reading = readingOf(course.judge);
  const { verdict, over } = reading;
  const [share] = steps;
  if (verdict === 'FAIL') return { decision: { kind: 'abort' }, reading };
  if (!over) return { decision: { kind: 'wait' }, reading };
  if (verdict === 'PASS' && share !== undefined) return { decision: { kind: 'climb', share }, reading };
  return { decision: { kind: 'over', verdict }, reading };
}
