import type { Clock } from '../../src/fleet/ports.ts';

export interface FakeClock extends Clock {
  /** Lets so many milliseconds pass: those who sleep until then wake in the order of their time, each before the next. */
  advance(ms: number): Promise<void>;
  /** How many sleep now. */
  readonly sleepers: number;
}

/** Lets what was woken run as far as it can without time. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** `auto`: a sleep passes at once, and the clock has moved by it; else time stands until `advance`. `start`: milliseconds since the epoch. `zone`: the reader's. */
export function fakeClock({ auto = false, start = Date.UTC(2026, 10, 23), zone = 'UTC' } = {}): FakeClock {
  let ticks = 0;
  const sleeping = new Set<{ readonly until: number; readonly wake: () => void }>();
  return {
    now: () => start + ticks,
    zone: () => zone,
    ticks: () => ticks,
    get sleepers() {
      return sleeping.size;
    },
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      if (auto) {
        ticks += ms;
        await settle();
        signal?.throwIfAborted();
        return;
      }
      await new Promise<void>((resolve, reject) => {
        const sleeper = { until: ticks + ms, wake: resolve };
        sleeping.add(sleeper);
        signal?.addEventListener('abort', () => {
          sleeping.delete(sleeper);
          reject(signal.reason);
        });
      });
    },
    // By the mock timers of the test, if it has any.
    every: (ms, work) => {
      const timer = setInterval(work, ms);
      return () => clearInterval(timer);
    },
    advance: async (ms) => {
      const end = ticks + ms;
      for (;;) {
        const [next] = [...sleeping].filter(({ until }) => until <= end).toSorted((a, b) => a.until - b.until);
        if (next === undefined) break;
        sleeping.delete(next);
        ticks = Math.max(ticks, next.until);
        next.wake();
        // oxlint-disable-next-line no-await-in-loop
        await settle();
      }
      ticks = end;
      await settle();
    },
  };
}
