import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as rest } from 'node:timers/promises';
import type { Event } from '../../src/core/event.ts';
import { openFolder, type Database } from '../../src/serve/database.ts';
import { EventLog } from '../../src/serve/event-log.ts';
import type { Bench } from '../../src/serve/perform.ts';
import { Stops } from '../../src/serve/stops.ts';
import { Store, type Job, type NewJob } from '../../src/serve/store.ts';
import { makeTables, schemaOf } from '../../src/serve/tables.ts';
import { SimFleet, type SimWish } from '../sim/fleet.ts';
import { Operator } from '../sim/operator.ts';

/** Milliseconds of the fleet that pass between two looks at what takes real time. */
const STEP = 200;

const logs = new Set<EventLog>();

/** A real store, in a folder that is gone afterwards. */
export async function openTestStore(): Promise<{ database: Database; folder: string; close: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'orchestrate-serve-'));
  const database = await openFolder(folder);
  return {
    database,
    folder,
    close: async () => {
      for (const log of logs) log.close();
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export const JOB = '3b241101-e2bb-4255-8caf-4136c566a962';

export const newJob = (more: Partial<NewJob> = {}): NewJob => ({
  id: JOB,
  schedule: null,
  order: { verb: 'roll', ref: '2' },
  command: 'roll --ref 2',
  by: 'ada',
  made: 0,
  instant: 0,
  due: 0,
  notAfter: null,
  needsApproval: false,
  commit: null,
  ...more,
});

/** Services that share a store and do jobs on a simulated fleet. */
export class Services {
  readonly fleet: SimFleet;
  readonly store: Store;
  readonly woken: { job: string; at: number }[] = [];
  readonly ended: Job[] = [];
  readonly told: Event[] = [];
  watches = 0;
  readonly #database: Database;

  constructor(database: Database, wish: SimWish = {}, seed = 1) {
    this.fleet = new SimFleet(wish, seed);
    this.fleet.calm = true;
    this.#database = database;
    this.store = new Store(database, this.fleet.inventory.app);
  }

  /** Empty tables. */
  async begin(): Promise<this> {
    const { app } = this.fleet.inventory;
    await this.#database.script(`drop schema if exists ${schemaOf(app)} cascade`);
    await makeTables(this.#database, app);
    return this;
  }

  /** A service; `operator` is what it is on the fleet: it may be killed. */
  service(name: string): { readonly bench: Bench; readonly operator: Operator; readonly stop: AbortController } {
    const { store, fleet } = this;
    const operator = new Operator(fleet, name);
    const stop = new AbortController();
    const log = new EventLog(this.#database, fleet.inventory.app);
    logs.add(log);
    const bench: Bench = {
      store,
      log,
      open: async (tell) => ({
        ...operator.opened,
        emit: (event) => {
          const told = { at: new Date(fleet.now).toISOString(), ...event };
          this.told.push(told);
          tell(told);
        },
      }),
      openBeside: () => ({ before: () => Promise.resolve(), tell: () => {}, end: () => Promise.resolve() }),
      stop: stop.signal,
      stops: new Stops(store, true),
      wake: async ({ id }, at) => void this.woken.push({ job: id, at }),
      watch: async () => void (this.watches += 1),
      ended: async (job) => void this.ended.push(job),
      persist: (write) => write(),
    };
    return { bench, operator, stop };
  }

  /** Lets the fleet's time pass until something has ended, or is so, or so many of its milliseconds are over. Returns whether it has ended. */
  async drive(work: Promise<unknown>, most = 3_600_000, until = (): boolean => false): Promise<boolean> {
    const state = { over: false };
    const settled = work.finally(() => (state.over = true));
    settled.catch(() => {});
    for (let passed = 0; !state.over && passed < most && !until(); passed += STEP) {
      // oxlint-disable no-await-in-loop -- what is kept takes real time, all else the fleet's
      await this.fleet.time.pass(() => state.over || until(), STEP);
      if (!state.over) await rest(1);
      // oxlint-enable no-await-in-loop
    }
    if (state.over) await settled;
    return state.over;
  }
}
