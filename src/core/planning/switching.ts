import type { Backend, Inventory } from '../inventory.ts';
import type { FleetView } from '../fleet.ts';
import type { Phase, ProbeStep, RunStep, Step, Track, WatchStep } from '../plan.ts';
import { applicationLogs, pidFile, slotFile } from '../service.ts';
import { socketOf } from '../address.ts';
import type { Routing } from './flip.ts';
import { unsettled } from './ground.ts';
import { handReason, inHand, NEW } from './hand.ts';
import { listed } from './listed.ts';
import { settledFleet } from './newcomers.ts';

/** What a script may take beyond the deadline that it keeps itself. */
const MARGIN = 15_000;

export interface SwitchGoal {
  readonly release: string;
  /** The batches in order; each host once. */
  readonly batches: readonly (readonly string[])[];
  /** Going back: no pause, no bake, and nothing is judged. */
  readonly hurry?: boolean;
  /** Batches that come before these. */
  readonly before?: number;
}

/**
 * Switches every batch to a release: out of rotation, drained (counted), switched, healthy from each balancer, warm, and back. The flip
 * that lets one batch in takes the next one out, unless `pause` or `bake` asks for a time with all in. Hosts that were out before
 * stay out, and are switched all the same.
 */
export function switching(inventory: Inventory, view: FleetView, routing: Routing, goal: SwitchGoal): Phase[] {
  const phases: Phase[] = [];
  const { hurry = false } = goal;
  const stays = new Set(routing.out.filter((name) => !inHand(routing.reasonOf(name))));
  // What is out serves nobody, and what it runs may have been started before somebody mended what made it fail.
  const anew = new Set(hurry ? [] : routing.out);
  const rests = !hurry && inventory.roll.pause + inventory.roll.bake > 0;
  const before = goal.before ?? 0;
  const of = goal.batches.length + before;
  const fresh: Fresh[] = [];
  routing.upcoming = outAfterEachFlip(new Set(routing.out), stays, goal.batches, rests);
  let back: readonly string[] = [];
  const letIn = (title: string, batch: Phase['batch']): void => {
    for (const host of back) routing.putIn(host);
    phases.push(...routing.flip(title, batch));
    for (const host of back) fresh.push({ host, since: routing.generation });
    back = [];
  };
  for (const [index, hosts] of goal.batches.entries()) {
    const number = index + 1 + before;
    const batch = { number, of, hosts };
    const leaving = hosts.filter((host) => !stays.has(host));
    const unequal = index === 0 ? unsettled(settledFleet(inventory, view), view) : undefined;
    if (leaving.length === 0 && unequal !== undefined) phases.push(...routing.flip(unequal));
    if (leaving.length > 0) {
      // What no roll has brought in yet stays what it is, whatever becomes of this one.
      for (const host of leaving.filter((each) => routing.reasonOf(each) !== NEW))
        routing.takeOut(host, handReason(goal.release));
      letIn(`${back.length > 0 ? `${listed(back)} back in, ` : ''}${listed(leaving)} out of rotation`, batch);
    }
    phases.push({
      name: 'batch',
      title: `batch ${number} of ${of}: ${listed(hosts)} to ${goal.release}`,
      tracks: [
        ...hosts.map((host) => track(inventory, view, host, goal, anew.has(host))),
        ...(rests || hurry ? [] : watching(inventory, routing, goal, fresh, 0)),
      ],
      batch,
    });
    for (const host of hosts) routing.served(host, goal.release);
    back = [...back, ...leaving];
    if (number === of) {
      routing.finish(goal.release);
      letIn(back.length > 0 ? `${listed(back)} back in rotation` : 'the record says what the hosts run now', batch);
    } else if (rests && back.length > 0) {
      letIn(`${listed(back)} back in rotation`, batch);
      phases.push(...rest(inventory, routing, goal, fresh));
    }
  }
  return phases;
}

/** The first roll of backends to which nothing is sent yet: nothing has to be moved for it. */
export function joining(inventory: Inventory, view: FleetView, goal: SwitchGoal, hosts: readonly string[]): Phase {
  const of = goal.batches.length + 1;
  return {
    name: 'batch',
    title: `batch 1 of ${of}: ${listed(hosts)}, new, to ${goal.release}`,
    tracks: hosts.map((host) => track(inventory, view, host, goal, false)),
    batch: { number: 1, of, hosts },
  };
}

/** Who is out after each flip of a roll, in order. */
function outAfterEachFlip(
  now: ReadonlySet<string>,
  stays: ReadonlySet<string>,
  batches: readonly (readonly string[])[],
  rests: boolean,
): ReadonlySet<string>[] {
  const out = new Set(now);
  const sets: ReadonlySet<string>[] = [];
  let back: readonly string[] = [];
  const letIn = (): void => {
    for (const host of back) out.delete(host);
    back = [];
  };
  for (const batch of batches) {
    const leaving = batch.filter((host) => !stays.has(host));
    if (leaving.length === 0) continue;
    letIn();
    for (const host of leaving) out.add(host);
    sets.push(new Set(out));
    back = leaving;
    if (!rests) continue;
    letIn();
    sets.push(new Set(out));
  }
  letIn();
  return [...sets, new Set(out)];
}

function track(inventory: Inventory, view: FleetView, host: string, goal: SwitchGoal, anew: boolean): Track {
  const backend = inventory.backends.find(({ name }) => name === host);
  if (backend === undefined) throw new Error(`${host} is not in the inventory`);
  const steps: Step[] = [
    ...drained(inventory, view, backend),
    switchStep(inventory, backend, goal, anew),
    ...health(inventory, view, backend),
  ];
  return { host, steps };
}

/**
 * Proves that no request is left on a backend. First, on each balancer, that every request of before the flip has its backend: one that
 * waits for a dead neighbour is passed on to this one a second later. Only then what is on the host itself can be counted to the end.
 */
export function drained(inventory: Inventory, view: FleetView, backend: Backend): Step[] {
  const { deadline, on_deadline } = inventory.drain;
  const sockets = inventory.backends.flatMap(({ address, slots }) => slots.map((port) => socketOf(address, port)));
  return [
    {
      kind: 'run',
      say: 'let the balancers finish what they had begun',
      script: 'awaiting',
      calls: reachable(view).map((host) => ({ host, args: [String(deadline), on_deadline, ...sockets] })),
      deadline: deadline + MARGIN,
    },
    {
      kind: 'run',
      say: `wait until no request is left on ${backend.name}`,
      script: 'drained',
      calls: backend.slots.map((port) => ({
        host: backend.name,
        args: [String(port), String(deadline), on_deadline],
      })),
      deadline: deadline + MARGIN,
    },
  ];
}

/** `anew`: it is started again though it runs the release already. */
function switchStep(inventory: Inventory, backend: Backend, goal: SwitchGoal, anew: boolean): RunStep {
  const { release, service } = inventory;
  return {
    kind: 'run',
    say: `switch ${backend.name} to ${goal.release} and restart`,
    script: 'switch',
    fence: `${release.root}/.orchestrate`,
    calls: backend.slots.map((port) => ({
      host: backend.name,
      args: [
        release.root,
        goal.release,
        String(port),
        pidFile(inventory, port),
        slotFile(inventory, port) ?? '-',
        service.restart ?? '-',
        String(inventory.health.deadline),
        anew ? 'restart' : 'keep',
        ...applicationLogs(inventory, port),
      ],
    })),
    deadline: inventory.health.deadline + MARGIN,
    undo: 'the release before is switched to in the same way',
  };
}

/** The look at backends that are to come back into rotation with what they run; none where there are none. */
export function seenHealthy(inventory: Inventory, view: FleetView, coming: readonly string[]): Phase[] {
  if (coming.length === 0) return [];
  return [
    {
      name: 'health',
      title: `see that ${listed(coming)} ${coming.length === 1 ? 'is' : 'are'} healthy`,
      tracks: inventory.backends
        .filter(({ name }) => coming.includes(name))
        .map((backend) => ({ host: backend.name, steps: health(inventory, view, backend) })),
    },
  ];
}

/** Healthy as seen from each balancer, then the first requests made where no user waits for them. */
export function health(inventory: Inventory, view: FleetView, backend: Backend): Step[] {
  const { health: wanted, service } = inventory;
  const through = wanted.from === 'balancer' ? reachable(view) : wanted.from === 'backend' ? [backend.name] : [];
  const from =
    wanted.from === 'balancer' ? `from ${listed(through)}` : wanted.from === 'backend' ? 'from itself' : 'from here';
  return backend.slots.flatMap((port): ProbeStep[] => {
    const common = {
      kind: 'probe',
      host: backend.name,
      through,
      address: wanted.from === 'backend' ? '127.0.0.1' : backend.address,
      port,
      hostHeader: wanted.host,
      headers: wanted.headers,
      interval: wanted.interval,
      log: { script: 'application-log', call: { host: backend.name, args: applicationLogs(inventory, port) } },
    } as const;
    return [
      {
        ...common,
        say: `ask ${backend.name} ${from}: ${wanted.path}`,
        path: wanted.path,
        status: wanted.status,
        consecutive: wanted.consecutive,
        parallel: 1,
        timeout: wanted.timeout,
        deadline: wanted.deadline,
      },
      ...wanted.warm.map((path): ProbeStep => ({
        ...common,
        say: `warm ${backend.name} up: ${path}`,
        through: through.slice(0, 1),
        path,
        status: 'any',
        consecutive: 1,
        parallel: workers(service.command) * 2,
        timeout: wanted.deadline,
        deadline: wanted.deadline,
      })),
    ];
  });
}

/** A backend that is back on the new release, and since which generation. */
interface Fresh {
  readonly host: string;
  readonly since: number;
}

function rest(inventory: Inventory, routing: Routing, goal: SwitchGoal, fresh: readonly Fresh[]): Phase[] {
  const { bake, pause } = inventory.roll;
  const phases: Phase[] = [];
  const tracks = watching(inventory, routing, goal, fresh, bake);
  if (bake > 0 && tracks.length > 0)
    phases.push({ name: 'bake', title: `bake: ${listed(fresh.map(({ host }) => host))} against the others`, tracks });
  if (pause > 0)
    phases.push({
      name: 'pause',
      title: 'pause between two batches',
      tracks: [
        {
          host: 'balancers',
          steps: [{ kind: 'pause', say: 'pause', lasts: pause, rest: true, deadline: pause + MARGIN }],
        },
      ],
    });
  return phases;
}

/** Judges what is back on the new release by the errors that its users met, beside those who met the old one. Nothing where either is missing. */
function watching(
  inventory: Inventory,
  routing: Routing,
  goal: SwitchGoal,
  fresh: readonly Fresh[],
  lasts: number,
): Track[] {
  const sockets = (name: string): string[] =>
    inventory.backends
      .filter((backend) => backend.name === name)
      .flatMap(({ address, slots }) => slots.map((port) => socketOf(address, port)));
  const old = routing.in.filter((name) => routing.releaseOf(name) !== goal.release);
  if (fresh.length === 0 || old.length === 0) return [];
  const step: WatchStep = {
    kind: 'watch',
    say: 'compare the errors of the new release with those of the old one',
    lasts,
    deadline: lasts + MARGIN,
    script: 'bake-counts',
    calls: inventory.balancers.map(({ name }) => ({ host: name, args: [inventory.nginx.access_log] })),
    fresh: fresh.flatMap(({ host, since }) => sockets(host).map((address) => ({ address, since }))),
    old: old.flatMap(sockets),
  };
  return [{ host: 'balancers', steps: [step] }];
}

const reachable = (view: FleetView): string[] =>
  Object.keys(view.balancers).filter((name) => view.balancers[name]?.kind === 'seen');

/** Worker processes of a Gunicorn command line; 4 where it does not say. */
function workers(command: string): number {
  const found = /(?:--workers[= ]|-w ?)([0-9]{1,3})\b/.exec(command);
  return found === null ? 4 : Math.max(1, Number(found[1]));
}
