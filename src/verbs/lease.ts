import type { Change } from '../change.ts';
import { Routing } from '../core/planning/flip.ts';
import { declaring } from '../core/planning/declaring.ts';
import { listed } from '../core/planning/listed.ts';
import { begunUnder, newestLease, newestRecord, type FleetView, type LeaseView } from '../core/fleet.ts';
import type { Opened } from '../open.ts';

/** A balancer's lease, for `orchestrate lease`. */
export interface LeaseStatus {
  readonly balancer: string;
  /** free: nobody's, or given up · held · lapsed: its holder died or was cut off · unknown: the balancer can't be reached. */
  readonly state: 'free' | 'held' | 'lapsed' | 'unknown';
  readonly by: string | null;
  readonly command: string | null;
  /** ISO 8601. */
  readonly since: string | null;
  /** Seconds until it ends, unless it is renewed. */
  readonly ends: number | null;
  /** Why it is unknown. */
  readonly reason: string | null;
}

/** Who holds the fleet, on each balancer. */
export function leasesOf(view: FleetView): LeaseStatus[] {
  return Object.entries(view.balancers).map(([balancer, seen]): LeaseStatus => {
    const nobody = { balancer, by: null, command: null, since: null, ends: null, reason: null };
    if (seen.kind === 'unreachable') return { ...nobody, state: 'unknown', reason: seen.reason };
    if (seen.lease === null || (seen.lease.remaining === 0 && !seen.lease.died)) return { ...nobody, state: 'free' };
    const { by, command, since } = seen.lease.lease.details;
    const { died, remaining } = seen.lease;
    return { ...nobody, by, command, since, state: died ? 'lapsed' : 'held', ends: died ? null : Math.ceil(remaining) };
  });
}

const heldOf = (view: FleetView): LeaseView | undefined => {
  const newest = newestLease(view);
  return newest !== null && newest.remaining > 0 ? newest : undefined;
};

/** Takes the lease over from whoever holds it, fences all hosts, says so in the record, and gives it up. */
export function breakChange({ inventory }: Opened, seen: FleetView): Change {
  const held = heldOf(seen)?.lease;
  const whose =
    held === undefined ? 'nobody' : `${held.details.by} (\`${held.details.command}\`, since ${held.details.since})`;
  return {
    command: held === undefined ? 'lease break' : `lease break: taken from ${whose}`,
    breaks: held !== undefined,
    plan: (view, author) => {
      const title =
        held === undefined
          ? 'the lease is free'
          : `take the lease over from ${whose}: what they have in hand is fenced off`;
      const away = Object.keys(view.balancers).filter((name) => view.balancers[name]?.kind === 'unreachable');
      const notes =
        away.length === 0
          ? []
          : [`${listed(away)} can't be reached: the fleet's record does not say that the lease was broken`];
      // Before the first generation there is no record to say it in; and on some balancers alone it would be another history.
      if (held === undefined || newestRecord(view) === null || away.length > 0)
        return declaring(inventory, [], { title }, [], notes);
      const routing = new Routing(inventory, view, author, view.begun ?? begunUnder(held, newestRecord(view)));
      const phases = routing.flip('the record says that the lease was taken over');
      return declaring(inventory, routing.missing, { title }, phases, []);
    },
  };
}
