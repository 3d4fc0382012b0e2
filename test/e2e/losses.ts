import type { Failure, Report } from '../fleet/load/report.ts';

const BROKEN = ['closed without an answer', 'reset on a kept-alive connection'];

/** Whether a loss is one that a reload makes: the worker of before closed the connection on which the request was on its way. */
export function ofReload(failure: Failure, report: Report, reloads: readonly number[]): boolean {
  const due = report.startedAt + failure.at;
  return BROKEN.includes(failure.kind) && reloads.some((at) => due > at - 500 && due < at + 1500);
}

/** Whether a loss is one that a death makes: due when it happened (uploads: seconds before), and answered by nobody any more. */
export function ofDeath(failure: Failure, report: Report, deaths: readonly number[]): boolean {
  const due = report.startedAt + failure.at;
  return (
    [...BROKEN, 'timed out', 'status 502', 'answer cut short'].includes(failure.kind) &&
    deaths.some((at) => due > at - 3500 && due < at + 1500)
  );
}
