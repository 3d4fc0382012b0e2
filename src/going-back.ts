import type { Author } from './core/planning/flip.ts';
import type { Refused } from './core/planning/refusal.ts';
import type { Failure } from './core/failure.ts';
import type { FleetView } from './core/fleet.ts';
import type { Plan } from './core/plan.ts';
import { divided } from './core/planning/unlike.ts';
import type { Change } from './change.ts';
import type { Holding } from './holding.ts';
import type { Opened } from './open.ts';
import { runPlan, tellEnd } from './roll.ts';
import type { StepContext } from './steps/context.ts';

/**
 * Puts the fleet back on one version after a failure: looked at, planned and run again until nothing is left to do, without the backends
 * that do not come back. Before each look a barrier: what the failed plan had in hand anywhere has ended, and none of it comes any more.
 * Returns whether what is in rotation is on one version.
 */
export async function goBack(
  opened: Opened,
  held: Holding,
  back: NonNullable<Change['back']>,
  failed: Plan,
  { look, author, context }: { look: () => Promise<FleetView>; author: Author; context: StepContext },
): Promise<boolean> {
  const { inventory, emit } = opened;
  const givenUp = new Set<string>();
  let told: ReadonlySet<string> = new Set();
  for (let round = 0; round < inventory.backends.length + 5; round += 1) {
    const unanswered = await held.barrier();
    const view = without(await look(), unanswered);
    const planned = back(view, author, failed, givenUp);
    if (planned.kind === 'refused') {
      emit({ type: 'failed', failure: refusal(planned) });
      return false;
    }
    const { plan } = planned;
    for (const text of plan.notes) if (!told.has(text)) emit({ type: 'note', text });
    told = new Set([...told, ...plan.notes]);
    if (plan.phases.length === 0) {
      const rest = divided(view);
      for (const text of rest) emit({ type: 'note', text });
      return rest.length === 0;
    }
    emit({ type: 'going back', title: plan.title });
    const brakes = { phase: () => held.lapsed(), step: () => held.lapsed() };
    // oxlint-disable-next-line no-await-in-loop -- each round stands on what the one before has done
    const result = await runPlan(plan, context, inventory.ssh.concurrency, brakes);
    tellEnd(result, emit);
    if (result.kind === 'done') continue;
    const astray = (result.kind === 'failed' ? result.failures : [])
      .map(({ host }) => host)
      .filter((host) => !givenUp.has(host) && inventory.backends.some(({ name }) => name === host));
    if (held.lapsed() !== undefined || astray.length === 0) return false;
    for (const host of astray) givenUp.add(host);
  }
  return false;
}

/** Hosts that did not answer the barrier count as unreachable: a script may still be at work there. */
function without(view: FleetView, unanswered: ReadonlyMap<string, string>): FleetView {
  const away = <V>(hosts: Readonly<Record<string, V>>) =>
    Object.fromEntries(
      Object.entries(hosts).map(([name, seen]) => {
        const reason = unanswered.get(name);
        return [name, reason === undefined ? seen : ({ kind: 'unreachable', reason } as const)];
      }),
    );
  return { ...view, balancers: away(view.balancers), backends: away(view.backends) };
}

const refusal = (back: Refused): Failure => ({
  host: 'the fleet',
  doing: 'go back to one version',
  what: back.message,
  output: back.details,
  next: back.next,
});
