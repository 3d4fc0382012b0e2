import type { Backend, Inventory } from '../inventory.ts';
import type { FleetView } from '../fleet.ts';
import type { Phase, RunStep, Step, Track } from '../plan.ts';
import { applicationLogs, pidFile, slotFile } from '../service.ts';
import { walk } from '../routing/walk.ts';
import { hasTwo } from '../slots.ts';
import { drained } from './draining.ts';
import type { Routing } from './flip.ts';
import { unsettled } from './ground.ts';
import { handReason, inHand, NEW } from './hand.ts';
import { health, look } from './health.ts';
import { listed } from './listed.ts';
import { movingOver, slotOf, wayTo } from './moving.ts';
import { settledFleet } from './newcomers.ts';
import { rest, watching, type Fresh } from './watching.ts';
import { MARGIN } from './margin.ts';

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
 * Takes every batch to a release. A backend with one slot goes out of rotation, is drained (counted), switched, seen healthy from each
 * balancer, warmed up, and comes back. With two, the release is started on the slot that does not serve, on all hosts before the first
 * batch, and the backend moves over with a flip: it is never out. The flip that lets one batch in takes the next one out, unless `pause`
 * or `bake` asks for a time with all in. Hosts that were out before stay out, and are switched all the same.
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
  const over = movingOver(inventory, view, goal.batches.flat(), goal.release);
  const idle = [...over].flatMap(([name, { ready }]) => (ready && !anew.has(name) ? [] : [name]));
  const unequal = unsettled(settledFleet(inventory, view), view);
  routing.upcoming = walk(routing.table, goal.batches, new Set(over.keys()), { stays, rests });
  let back: readonly string[] = [];
  const letIn = (title: string, batch: Phase['batch']): void => {
    for (const host of back) {
      const way = over.get(host);
      if (way !== undefined) routing.moveOver(host, way.port, goal.release);
      if (!stays.has(host)) routing.putIn(host);
    }
    phases.push(...routing.flip(title, batch));
    for (const host of back) if (!stays.has(host)) fresh.push({ host, since: routing.generation });
    back = [];
  };
  if (idle.length > 0) {
    // Nothing may send to both slots of a host, as the group `all` does, when the other one begins to answer.
    if (unequal !== undefined) phases.push(...routing.flip(unequal));
    phases.push(starting(inventory, view, goal, idle, anew));
  }
  for (const [index, hosts] of goal.batches.entries()) {
    const number = index + 1 + before;
    const batch = { number, of, hosts };
    const leaving = hosts.filter((host) => !stays.has(host) && !over.has(host));
    const inPlace = hosts.some((host) => !over.has(host));
    if (phases.length === 0 && leaving.length === 0 && inPlace && unequal !== undefined)
      phases.push(...routing.flip(unequal));
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
        ...hosts.map((host) =>
          over.has(host) ? seen(inventory, view, host, goal) : track(inventory, view, host, goal, anew.has(host)),
        ),
        ...(rests || hurry ? [] : watching(inventory, routing, goal.release, fresh, 0)),
      ],
      batch,
    });
    for (const host of hosts) if (!over.has(host)) routing.served(host, goal.release);
    back = [...back, ...hosts.filter((host) => !stays.has(host) || over.has(host))];
    if (number === of) {
      routing.finish(goal.release);
      letIn(back.length > 0 ? told(back, over, goal) : 'the record says what the hosts run now', batch);
    } else if (back.length > 0 && (rests || hosts.some((host) => over.has(host)))) {
      letIn(told(back, over, goal), batch);
      if (rests) phases.push(...rest(inventory, routing, goal.release, fresh));
    }
  }
  return phases;
}

/** What a flip does to those that it lets in. */
function told(back: readonly string[], over: ReadonlyMap<string, unknown>, { release }: SwitchGoal): string {
  const moved = back.filter((host) => over.has(host));
  const others = back.filter((host) => !over.has(host));
  return [
    ...(others.length > 0 ? [`${listed(others)} back in rotation`] : []),
    ...(moved.length > 0 ? [`${listed(moved)} over to ${release}`] : []),
  ].join(', ');
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

/** The release beside the one that serves, on all hosts before any user meets it. */
export function starting(
  inventory: Inventory,
  view: FleetView,
  goal: SwitchGoal,
  hosts: readonly string[],
  anew: ReadonlySet<string>,
): Phase {
  return {
    name: 'start',
    title: `start ${goal.release} beside what serves on ${listed(hosts)}, before any user meets it`,
    tracks: hosts.map((host) => {
      const { steps } = track(inventory, view, host, goal, anew.has(host));
      const hint = alone(slotOf(view, named(inventory, host)));
      return {
        host,
        steps: steps.map((step) =>
          step.kind === 'probe' || (step.kind === 'run' && step.script === 'switch') ? { ...step, hint } : step,
        ),
      };
    }),
    atOnce: inventory.service.start_concurrency,
  };
}

const alone = (port: number): string =>
  `If it only can't run beside the release that serves (both want one lock file, one fixed port), give the hosts one slot (service.slots: [${port}]): each then leaves rotation for its own batch.`;

/** The last look at a release that runs beside the one that serves. */
function seen(inventory: Inventory, view: FleetView, host: string, goal: SwitchGoal): Track {
  const backend = named(inventory, host);
  const { port } = wayTo(view, backend, goal.release);
  return { host, steps: [look(inventory, view, backend, port, true)] };
}

/** The release in a slot to which nothing is sent. */
export function track(inventory: Inventory, view: FleetView, host: string, goal: SwitchGoal, anew: boolean): Track {
  const backend = named(inventory, host);
  const { port } = wayTo(view, backend, goal.release);
  const steps: Step[] = [
    ...drained(inventory, view, backend, [port]),
    switchStep(inventory, backend, port, goal, anew),
    ...health(inventory, view, backend, port),
  ];
  return { host, steps };
}

function named(inventory: Inventory, host: string): Backend {
  const backend = inventory.backends.find(({ name }) => name === host);
  if (backend === undefined) throw new Error(`${host} is not in the inventory`);
  return backend;
}

/** `anew`: it is started again though it runs the release already. */
function switchStep(inventory: Inventory, backend: Backend, port: number, goal: SwitchGoal, anew: boolean): RunStep {
  const { release, service } = inventory;
  const two = hasTwo(backend);
  return {
    kind: 'run',
    say: two
      ? `start ${goal.release} on port ${port} of ${backend.name}`
      : `switch ${backend.name} to ${goal.release} and restart`,
    script: 'switch',
    fence: `${release.root}/.orchestrate`,
    calls: [
      {
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
          two ? 'slot' : 'host',
          ...applicationLogs(inventory, port),
        ],
      },
    ],
    deadline: inventory.health.deadline + MARGIN,
    undo: two ? 'what runs on that port is stopped' : 'the release before is switched to in the same way',
  };
}
