import { setMaxListeners } from 'node:events';
import type { Event } from '../core/event.ts';
import { SIGNAL_EXIT } from '../summary.ts';
import { InFlight } from '../tell/in-flight.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface Signals {
  /** Aborted by the first signal, with its name as the reason. */
  readonly stop: AbortSignal;
  /** To be told every event. */
  readonly tell: (event: Event) => void;
  readonly close: () => void;
}

/**
 * The first Ctrl-C, SIGTERM or SIGHUP asks to stop: what is in hand is finished. The second leaves at once and says what is not known then.
 * A terminal that is closed is like SIGHUP.
 */
export function listenToSignals(note: (text: string) => void, leave: (lines: readonly string[]) => void): Signals {
  const stop = new AbortController();
  // Each command on each host listens.
  setMaxListeners(0, stop.signal);
  const flight = new InFlight();
  const onSignal = (signal: (typeof SIGNALS)[number]): void => {
    if (stop.signal.aborted) {
      leave(flight.farewell());
      process.exit(SIGNAL_EXIT[signal]);
    }
    stop.abort(signal);
    note(
      'Stopping: no further batch is begun; what is in hand is finished or put back. Once more leaves at once, with things unknown.',
    );
  };
  /** Nobody reads what is written: the events go on to all other listeners. */
  const onClosed = (): void => {
    if (!stop.signal.aborted) stop.abort('SIGHUP');
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.stdout.on('error', onClosed);
  process.stderr.on('error', onClosed);
  return {
    stop: stop.signal,
    tell: (event) => flight.tell(event),
    close: () => {
      for (const signal of SIGNALS) process.off(signal, onSignal);
    },
  };
}
