import { randomBytes } from 'node:crypto';
import { stores } from './core/builder.ts';
import type { FleetView } from './core/fleet.ts';
import { Refusal, scriptFailure, type Failure } from './core/failure.ts';
import type { Inventory } from './core/inventory.ts';
import { nextToken, TERM } from './core/lease.ts';
import { SCRIPT_EXIT, succeeded } from './core/outcome.ts';
import type { Intent } from './core/record.ts';
import type { Opened } from './open.ts';
import { eachHost } from './roll.ts';
import { allEnded } from './steps/all-ended.ts';
import { barrier } from './steps/barrier.ts';
import { connectFailure } from './steps/connect-failure.ts';
import { giveUp, lease, takeLeases } from './taking.ts';

/** The lease on all balancers and the fence on every host, held for one command. */
export interface Holding {
  readonly token: number;
  readonly holder: string;
  /** FOLDER TOKEN SEQUENCE HOLDER for the next changing script; the sequence is one higher each time. */
  fence(folder: string): readonly string[];
  /** Why nothing more may be begun, once the lease could not be renewed for half its term; undefined while it may. */
  lapsed(): string | undefined;
  /**
   * Raises the fence again on every host: once one has answered, nothing that was begun there before is at work any more. Returns those
   * that did not answer, with the reason. Does not reject.
   */
  barrier(): Promise<ReadonlyMap<string, string>>;
  /** Stops renewing and gives the lease up. Does not reject. */
  release(): Promise<void>;
}

export interface HoldOptions {
  readonly command: string;
  /** What the command is for, for those who find it unfinished. */
  readonly intent?: Intent;
  /** Milliseconds for which another's lease is waited for; absent: not at all. */
  readonly wait?: number;
  /** Takes it over from whoever holds it. */
  readonly breaks?: boolean;
  readonly stop?: AbortSignal;
}

/**
 * Takes the lease on every balancer, in the inventory's order, all or none, then raises the fence on every host that can be reached, so
 * that whatever an earlier operator had in hand has ended. Rejects with `Refusal` (exit 3) when another holds it.
 */
export async function hold(opened: Opened, view: FleetView, options: HoldOptions): Promise<Holding> {
  const { inventory, clock } = opened;
  const { command, intent, wait = 0, breaks = false, stop = new AbortController().signal } = options;
  const holder = randomBytes(8).toString('hex');
  const folder = inventory.nginx.folder;
  const since = new Date(clock.now()).toISOString();
  const details = { by: opened.by, command, since, ...(intent === undefined ? {} : { intent }) };
  const hosts = inventory.balancers.map(({ name }) => name);
  const taken = await takeLeases(opened, hosts, {
    holder,
    token: nextToken(tokens(view)),
    details,
    wait,
    breaks,
    stop,
  });
  const { token } = taken;

  let renewed = taken.asked;

  let lost: string | undefined;
  let sequence = 0;
  const renew = async (): Promise<void> => {
    const asked = clock.ticks();
    try {
      const outcomes = await allEnded(
        hosts.map((host) => lease(opened, host, ['renew', folder, holder, String(token), String(TERM)])),
      );
      const gone = outcomes.findIndex((outcome) => outcome.kind === 'exited' && outcome.code === SCRIPT_EXIT.fenced);
      if (gone >= 0) lost = `another operator has taken the lease on ${hosts[gone]}`;
      if (outcomes.every(succeeded)) renewed = Math.max(renewed, asked);
    } catch {
      // A balancer that can't be reached now is tried again; `lapsed` speaks up when it lasts.
    }
  };
  const renewing = clock.every((TERM * 1000) / 6, () => void renew());
  const holding: Holding = {
    token,
    holder,
    fence: (where) => [where, String(token), String((sequence += 1)), holder],
    lapsed: () =>
      lost ??
      (clock.ticks() - renewed > (TERM * 1000) / 2
        ? `the lease could not be renewed for ${Math.round((clock.ticks() - renewed) / 1000)} s`
        : undefined),
    barrier: async () => {
      const ends = await eachHost(
        fencedHosts(inventory),
        inventory.ssh.concurrency,
        async ({ name, folder: where }) => {
          const failure = await raiseFence(opened, name, holding.fence(where));
          return failure === undefined ? [] : [[name, failure.what] as const];
        },
      );
      return new Map(ends.flat());
    },
    release: async () => {
      renewing();
      await giveUp(opened, hosts, { holder, token });
    },
  };
  try {
    await raiseFences(opened, view, holding);
  } catch (error) {
    await holding.release();
    throw error;
  }
  return holding;
}

/** Every backend that can be reached is fenced before anything is observed; one that can't be is never put into rotation by a plan. */
async function raiseFences(opened: Opened, view: FleetView, holding: Holding): Promise<void> {
  const { inventory } = opened;
  const hosts = fencedHosts(inventory).filter(
    ({ name }) => (view.backends[name] ?? view.balancers[name])?.kind === 'seen',
  );
  await eachHost(hosts, inventory.ssh.concurrency, async ({ name, folder }) => {
    const failure = await raiseFence(opened, name, holding.fence(folder));
    if (failure !== undefined)
      throw new Refusal(3, `${name}: the fence could not be raised: ${failure.what}`, failure.next, failure.output);
  });
}

/** Hosts with the folders of their fences. One that is balancer and backend has two. */
const fencedHosts = (inventory: Inventory): { name: string; folder: string }[] => [
  ...inventory.balancers.map(({ name }) => ({ name, folder: inventory.nginx.folder })),
  ...stores(inventory).map(({ name }) => ({ name, folder: `${inventory.release.root}/.orchestrate` })),
];

async function raiseFence(opened: Opened, host: string, args: readonly string[]): Promise<Failure | undefined> {
  const doing = 'raise the fence';
  try {
    const outcome = await barrier(opened, host, args);
    return succeeded(outcome) ? undefined : scriptFailure(host, doing, outcome);
  } catch (error) {
    return connectFailure(error, doing);
  }
}

/** The highest token that each host that could be looked at has seen. */
export function tokens(view: FleetView): number[] {
  return [...Object.values(view.balancers), ...Object.values(view.backends)].flatMap((host) =>
    host.kind === 'seen' ? [host.token] : [],
  );
}
