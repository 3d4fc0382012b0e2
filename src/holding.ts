import { randomBytes } from 'node:crypto';
import type { FleetView } from './core/fleet.ts';
import { Refusal, scriptFailure, type Failure } from './core/failure.ts';
import type { Inventory } from './core/inventory.ts';
import { formatDetails, nextToken, parseLease, refusalOf, remaining, TERM } from './core/lease.ts';
import { SCRIPT_EXIT, succeeded, type Outcome } from './core/outcome.ts';
import type { Opened } from './open.ts';
import { ConnectError } from './fleet/ports.ts';
import { eachHost } from './roll.ts';
import { allEnded } from './steps/all-ended.ts';
import { barrier } from './steps/barrier.ts';
import { connectFailure } from './steps/connect-failure.ts';

const DEADLINE = 15_000;

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

/**
 * Takes the lease on every balancer, in the inventory's order, all or none, then raises the fence on every host that can be reached, so
 * that whatever an earlier operator had in hand has ended. Rejects with `Refusal` (exit 3) when another holds it.
 */
export async function hold(opened: Opened, view: FleetView, command: string): Promise<Holding> {
  const { inventory, clock } = opened;
  const holder = randomBytes(8).toString('hex');
  const token = nextToken(tokens(view));
  const folder = inventory.nginx.folder;
  const details = formatDetails({ by: opened.by, command, since: new Date(clock.now()).toISOString() });
  const taken: string[] = [];
  const giveUp = async (): Promise<void> => {
    await Promise.allSettled(taken.map((host) => lease(opened, host, ['release', folder, holder, String(token)])));
  };

  // A term runs from when it was asked for, at the latest.
  let renewed = clock.ticks();
  try {
    for (const { name } of inventory.balancers) {
      // Before it is: whether it was given may never be told.
      taken.push(name);
      const acquire = ['acquire', folder, holder, String(token), String(TERM), details];
      // oxlint-disable-next-line no-await-in-loop -- in a fixed order, so that two operators never hold half each
      const outcome = await lease(opened, name, acquire);
      if (!succeeded(outcome)) throw refusal(name, outcome);
    }
  } catch (error) {
    await giveUp();
    throw refusalOfConnecting(error);
  }

  let lost: string | undefined;
  let sequence = 0;
  const renew = async (): Promise<void> => {
    const asked = clock.ticks();
    try {
      const outcomes = await allEnded(
        taken.map((host) => lease(opened, host, ['renew', folder, holder, String(token), String(TERM)])),
      );
      const gone = outcomes.findIndex((outcome) => outcome.kind === 'exited' && outcome.code === SCRIPT_EXIT.fenced);
      if (gone >= 0) lost = `another operator has taken the lease on ${taken[gone]}`;
      if (outcomes.every(succeeded)) renewed = Math.max(renewed, asked);
    } catch {
      // A balancer that can't be reached now is tried again; `lapsed` speaks up when it lasts.
    }
  };
  const timer = setInterval(() => void renew(), (TERM * 1000) / 6);
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
      clearInterval(timer);
      await giveUp();
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
const fencedHosts = ({ balancers, backends, nginx, release }: Inventory): { name: string; folder: string }[] => [
  ...balancers.map(({ name }) => ({ name, folder: nginx.folder })),
  ...backends.map(({ name }) => ({ name, folder: `${release.root}/.orchestrate` })),
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

function tokens(view: FleetView): number[] {
  return [...Object.values(view.balancers), ...Object.values(view.backends)].flatMap((host) =>
    host.kind === 'seen' ? [host.token] : [],
  );
}

function lease(opened: Opened, host: string, args: readonly string[]): Promise<Outcome> {
  return opened.remote.run({ host, name: 'orchestrate-lease', text: opened.script('lease'), args, deadline: DEADLINE });
}

/** A balancer that can't be reached gives no lease; everything else is passed on. */
function refusalOfConnecting(error: unknown): unknown {
  if (!(error instanceof ConnectError)) return error;
  return new Refusal(3, `${error.host}: the lease could not be taken: ${error.message}`, error.remedy);
}

/** Why the lease was not given: another's, or something that `check` would name. */
function refusal(name: string, outcome: Outcome): Refusal {
  const line = /^lease (.+)$/m.exec(outcome.stdout)?.[1];
  const boot = /^boot (\S+)$/m.exec(outcome.stdout)?.[1];
  const uptime = Number(/^uptime ([0-9.]+)$/m.exec(outcome.stdout)?.[1]);
  const read = line === undefined ? undefined : parseLease(line);
  if (
    outcome.kind === 'exited' &&
    outcome.code === SCRIPT_EXIT.busy &&
    read !== undefined &&
    'lease' in read &&
    boot !== undefined
  )
    return new Refusal(
      3,
      refusalOf(read.lease, name, remaining(read.lease, { boot, uptime })),
      'Wait until it is done. A lease whose holder died ends by itself.',
    );
  const failure = scriptFailure(name, 'take the lease', outcome);
  return new Refusal(3, `${name}: the lease could not be taken: ${failure.what}`, failure.next, failure.output);
}
