import { setTimeout as rest } from 'node:timers/promises';
import type { DaemonOptions } from '../../src/serve/daemon.ts';
import { SimFleet } from '../sim/fleet.ts';
import { Operator } from '../sim/operator.ts';

/** A fleet whose time passes by itself, some thousand times as fast. */
export function livelyFleet(): {
  readonly fleet: SimFleet;
  readonly open: NonNullable<DaemonOptions['openFleet']>;
  /** From now on so many of its milliseconds pass in one. */
  readonly pace: (step: number) => void;
  readonly end: () => void;
} {
  const fleet = new SimFleet({ backends: 2, balancers: 2 });
  fleet.calm = true;
  const state = { over: false, step: 200 };
  const pass = async (): Promise<void> => {
    while (!state.over) {
      // oxlint-disable no-await-in-loop
      await fleet.time.pass(() => state.over, state.step);
      await rest(1);
      // oxlint-enable no-await-in-loop
    }
  };
  void pass();
  let opened = 0;
  return {
    fleet,
    open: async (_file, tell) => {
      const operator = new Operator(fleet, `svc${(opened += 1)}`);
      return {
        ...operator.opened,
        clock: { ...operator.opened.clock, now: () => Date.now() },
        emit: (event) => tell({ at: new Date(fleet.now).toISOString(), ...event }),
      };
    },
    pace: (step) => (state.step = step),
    end: () => (state.over = true),
  };
}

/** What is done beside a command: nothing. */
export const silent = { before: () => Promise.resolve(), tell: () => {}, end: () => Promise.resolve() };
