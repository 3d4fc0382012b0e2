import type { Planned, Refused } from './core/planning/refusal.ts';
import type { EventBody } from './core/event.ts';
import { faultOf, type Failure } from './core/failure.ts';
import type { FleetView } from './core/fleet.ts';
import type { Holding } from './holding.ts';
import type { Opened } from './open.ts';
import { runPlan, tellEnd } from './roll.ts';
import type { StepContext } from './steps/context.ts';

/** What puts a fleet right after a failure. */
export interface PuttingRight {
  /** What for: `go back to one version`. */
  readonly doing: string;
  /** How each of its plans is told. */
  readonly tell: (title: string) => EventBody;
  /** The plan from what is seen, without the backends that did not come back when it was tried. Pure. */
  readonly plan: (view: FleetView, givenUp: ReadonlySet<string>) => Planned;
  readonly look: () => Promise<FleetView>;
  readonly context: StepContext;
}

/**
 * Puts a fleet right after a failure: looked at, planned and run again until nothing is left to do, without the backends that do not come
 * back. Before each look a barrier: what the failed plan had in hand anywhere has ended, and none of it comes any more.
 * Returns what was seen when nothing was left to do; undefined: it could not be brought to an end, and why was told. Does not reject.
 */
export async function putRight(opened: Opened, held: Holding, how: PuttingRight): Promise<FleetView | undefined> {
  try {
    return await inRounds(opened, held, how);
  } catch (error) {
    opened.emit({ type: 'failed', failure: faultOf(error, how.doing) });
    return undefined;
  }
}

async function inRounds(
  opened: Opened,
  held: Holding,
  { doing, tell, plan: make, look, context }: PuttingRight,
): Promise<FleetView | undefined> {
  const { inventory, emit } = opened;
  const givenUp = new Set<string>();
  let told: ReadonlySet<string> = new Set();
  // oxlint-disable no-await-in-loop -- each round stands on what the one before has done
  for (let round = 0; round < inventory.backends.length + 5; round += 1) {
    const unanswered = await held.barrier();
    const view = without(await look(), unanswered);
    const planned = make(view, givenUp);
    if (planned.kind === 'refused') {
      emit({ type: 'failed', failure: refusal(planned, doing) });
      return undefined;
    }
    const { plan } = planned;
    for (const text of plan.notes) if (!told.has(text)) emit({ type: 'note', text });
    told = new Set([...told, ...plan.notes]);
    if (plan.phases.length === 0) return view;
    emit(tell(plan.title));
    const brakes = { phase: () => held.lapsed(), step: () => held.lapsed() };
    const result = await runPlan(plan, context, inventory.ssh.concurrency, brakes);
    tellEnd(result, emit);
    if (result.kind === 'done') continue;
    const astray = (result.kind === 'failed' ? result.failures : [])
      .map(({ host }) => host)
      .filter((host) => !givenUp.has(host) && inventory.backends.some(({ name }) => name === host));
    if (held.lapsed() !== undefined || astray.length === 0) return undefined;
    for (const host of astray) givenUp.add(host);
  }
  // oxlint-enable no-await-in-loop
  return undefined;
}

/** Hosts that did not answer the barrier count as unreachable: a script may still be at work there. */
export function without(view: FleetView, unanswered: ReadonlyMap<string, string>): FleetView {
  const away = <V>(hosts: Readonly<Record<string, V>>) =>
    Object.fromEntries(
      Object.entries(hosts).map(([name, seen]) => {
        const reason = unanswered.get(name);
        return [name, reason === undefined ? seen : ({ kind: 'unreachable', reason } as const)];
      }),
    );
  return { ...view, balancers: away(view.balancers), backends: away(view.backends) };
}

const refusal = (back: Refused, doing: string): Failure => ({
  host: 'the fleet',
  doing,
  what: back.message,
  output: back.details,
  next: back.next,
});
