import type { FleetView } from '../fleet.ts';
import type { Plan } from '../plan.ts';

/** One more look, once a plan has run: what is not as it said, in sentences. */
export function unlike(view: FleetView, plan: Plan): string[] {
  const { to } = plan;
  const switched = new Set(
    plan.phases.flatMap(({ name, batch }) => (name === 'batch' && batch !== undefined ? batch.hosts : [])),
  );
  const hosts =
    to === undefined
      ? []
      : [...switched].flatMap((name) => {
          const seen = view.backends[name];
          if (seen?.kind !== 'seen') return [`${name} can't be looked at any more: ${seen?.reason ?? 'it is gone'}`];
          return seen.running === to ? [] : [`${name} runs ${seen.running ?? 'nothing'}, not ${to}`];
        });
  const balancers = Object.entries(view.balancers).flatMap(([name, seen]) => {
    if (seen.kind !== 'seen') return [`${name} can't be looked at any more: ${seen.reason}`];
    return seen.serves || seen.live === null ? [] : [`${name} does not serve generation ${seen.live}`];
  });
  return [...hosts, ...balancers];
}
