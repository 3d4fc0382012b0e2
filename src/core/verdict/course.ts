import { feltSlower, lnEOf, lnTogether, NOTHING, withStratum, type Evidence, type Terms } from './evidence.ts';
import { lnSum } from './logs.ts';
import type { Sums } from './window.ts';

/**
 * The evidence against one arm (the canary's, or one baseline host's against the others) in the course of a canary. Evidence that ran
 * against a regression for half an hour takes long to turn: so a fresh one is begun now and then, and all are judged together.
 */
export interface Course {
  /** From the first window on. */
  readonly evidence: Evidence;
  /** As it stood when each fresh one was begun. */
  readonly begun: readonly Evidence[];
  /** Distinct clients of the arm, by balancer. */
  readonly clients: Readonly<Record<string, number>>;
}

export const BEGINNING: Course = { evidence: NOTHING, begun: [], clients: {} };

/** After one more stratum on a balancer. */
export const withArms = (course: Course, balancer: string, judged: Sums, other: Sums, terms: Terms): Course => ({
  ...course,
  evidence: withStratum(course.evidence, judged, other, terms),
  clients: { ...course.clients, [balancer]: (course.clients[balancer] ?? 0) + judged.newClients },
});

export const refreshed = (course: Course): Course => ({ ...course, begun: [...course.begun, course.evidence] });

/** The largest count of one balancer: the same client may come by several, and addresses never leave them. */
export const clientsOf = ({ clients }: Course): number => Math.max(0, ...Object.values(clients));

/** With fewer clients than this, what is slow for one of them is slow for the canary. */
export const FEW_CLIENTS = 30;

/**
 * ln of the judged E.
 * @param restarts E is ¾ of the first, and 1 / (4 j (j + 1)) of the j-th fresh one; those not yet begun count 1. Else E is the first
 * @param gates latency counts as no evidence where there are few clients, ranks where the median is hardly slower. This can only make E less
 */
export function lnEOfCourse(
  course: Course,
  { restarts, gates }: { readonly restarts: boolean; readonly gates: boolean },
): number {
  const { evidence, begun } = course;
  const few = gates && clientsOf(course) < FEW_CLIENTS;
  const lnE = (before: Evidence): number => {
    const { errors, tail, rank } = lnEOf(evidence, before);
    const holdTail = few && tail > 0;
    const holdRank = gates && rank > 0 && (few || !feltSlower(evidence, before));
    return lnTogether({ errors, tail: holdTail ? 0 : tail, rank: holdRank ? 0 : rank });
  };
  const first = lnE(NOTHING);
  if (!restarts) return first;
  return lnSum([
    [first, 3 / 4],
    ...begun.map((before, at) => [lnE(before), 1 / (4 * (at + 1) * (at + 2))] as const),
    [0, 1 / (4 * (begun.length + 1))],
  ]);
}
