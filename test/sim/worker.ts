import { parentPort, workerData } from 'node:worker_threads';
import * as fc from 'fast-check';
import { properties } from './properties.ts';

/** What a worker is asked to do. */
export interface Asked {
  readonly name: keyof typeof properties;
  readonly runs: number;
  readonly seed: number;
  /** Of a failure that is to be seen again, as fast-check tells it. */
  readonly path?: string;
}

// A thread of its own: the test runner follows every promise, which takes three quarters of the time.
const { name, runs, seed, path } = workerData as Asked;
const details = await fc.check(properties[name], {
  numRuns: runs,
  seed,
  ...(path === undefined ? {} : { path }),
  endOnFailure: process.env['SIM_SHRINK'] === '0',
});
const { errorInstance } = details;
const told = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
parentPort?.postMessage(details.failed ? `${await fc.asyncDefaultReportMessage(details)}\n${told}` : '');
