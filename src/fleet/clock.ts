import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { isZone } from '../core/zone.ts';
import type { Clock } from './ports.ts';

/** The machine's own clock. `sleep` rejects with the signal's reason (an AbortError by default) as soon as it is aborted. */
export const realClock: Clock = {
  now: () => Date.now(),
  zone: () => {
    // What TZ names may be no zone at all: then there is none, or one that is unknown.
    const name: string | undefined = new Intl.DateTimeFormat().resolvedOptions().timeZone;
    return name !== undefined && isZone(name) ? name : 'UTC';
  },
  ticks: () => performance.now(),
  async sleep(ms, signal) {
    signal?.throwIfAborted();
    try {
      await wait(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  },
  every(ms, work) {
    const timer = setInterval(work, ms);
    return () => clearInterval(timer);
  },
};
