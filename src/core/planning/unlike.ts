import { newestRecord, type FleetView } from '../fleet.ts';
import { splitOf } from '../split.ts';
import { inHand, NEW } from './hand.ts';
import { listed } from './listed.ts';
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

/** Why what can be reached is not in rotation on one version, in sentences; none: it is. What a person or its death took out is no reason. */
export function divided(view: FleetView): string[] {
  const record = newestRecord(view);
  const out = Object.entries(record?.backends ?? {}).filter(([, { rotation }]) => rotation === 'out');
  const held = out
    .filter(([name, { reason }]) => inHand(reason) && reason !== NEW && view.backends[name]?.kind === 'seen')
    .map(([name]) => name);
  const own = splitOf(record)?.hosts ?? [];
  const serving = Object.entries(view.backends).filter(
    ([name, seen]) =>
      seen.kind === 'seen' &&
      seen.slots.length > 0 &&
      !own.includes(name) &&
      (record === null || record.backends[name]?.rotation === 'in'),
  );
  const running = Map.groupBy(serving, ([, seen]) => (seen.kind === 'seen' ? seen.running : null));
  const told = [...running].map(
    ([release, hosts]) => `${release ?? 'nothing'} on ${listed(hosts.map(([name]) => name))}`,
  );
  return [
    ...(running.size > 1 ? [`what is in rotation is mixed: ${told.join('; ')}`] : []),
    ...(held.length > 0 ? [`${listed(held)} ${held.length === 1 ? 'has' : 'have'} not come back into rotation`] : []),
  ];
}
