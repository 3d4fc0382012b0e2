import { binOf, histogram } from './bins.ts';
import { judge, opened, type Judge, type Rules } from './judge.ts';
import { NO_SUMS, type Sums } from './window.ts';
import type { Recorded, RecordedArm } from './recorded.ts';

/** Recorded windows, judged as they are given: none is skipped or merged, nothing holds a FAIL back, and PASS is read at each. */
export interface Offline {
  readonly judge: Judge;
  /** The baseline's first times, by bin, while t99 is not known. */
  readonly first: readonly number[];
}

/** Of so many baseline times t99 is taken where the first line does not give it: it is frozen, so that what comes later can't move it. */
const ENOUGH = 1000;

export const offline = (rules: Pick<Rules, 'falseAlarms' | 'maxErrorRate' | 'restarts'>): Offline => ({
  judge: opened({ ...rules, hold: 0, merging: false, gates: false }, undefined),
  first: [],
});

export function withRecorded(before: Offline, line: Recorded): Offline {
  const known = before.judge.t99 ?? (line.t99 === undefined ? undefined : binOf(line.t99));
  const arms = { canary: sumsOf(line.canary), baseline: sumsOf(line.baseline) };
  const share = line.share === undefined ? {} : { share: line.share };
  const now = judge({ ...before.judge, t99: known }, { t: line.t, strata: [{ balancer: '', ...share, ...arms }] });
  if (known !== undefined) return { judge: now, first: [] };
  const first = withFirst(before.first, line.baseline);
  if (first.length < ENOUGH) return { judge: now, first };
  return { judge: { ...now, t99: first.toSorted((a, b) => a - b)[Math.ceil(ENOUGH * 0.99) - 1] }, first: [] };
}

function withFirst(before: readonly number[], { times }: RecordedArm): readonly number[] {
  const found = [...before];
  for (const [bin, count] of times)
    for (let more = Math.min(count, ENOUGH - found.length); more > 0; more -= 1) found.push(bin);
  return found;
}

const sumsOf = ({ requests, errors, errorsAll, times }: RecordedArm): Sums => ({
  ...NO_SUMS,
  requests,
  errors,
  errorsAll,
  times: times.length === 0 ? NO_SUMS.times : histogram(times),
});
