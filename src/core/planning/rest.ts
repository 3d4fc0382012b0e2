import type { Inventory } from '../inventory.ts';
import type { FleetView } from '../fleet.ts';
import type { Phase } from '../plan.ts';
import { Routing, type Author } from './flip.ts';
import { balancersAway, tornConfiguration } from './back.ts';
import { changedByHand } from './by-hand.ts';
import { declaring } from './declaring.ts';
import { leastInRotation, lostSlot, unsettled } from './ground.ts';
import { failedReason, inHand, LOST, NEW } from './hand.ts';
import { listed } from './listed.ts';
import { settledFleet } from './newcomers.ts';
import { prevailing, runs } from './prevailing.ts';
import type { Planned } from './refusal.ts';
import { seenHealthy } from './health.ts';

/**
 * Brings a roll to rest where it is: what it has in hand and is well comes back into rotation with what it runs, what failed stays out and
 * the record says why, what can't be reached is taken out if enough are left. What was begun stays begun: `resume` or `rollback` ends it.
 * To be planned and run again until nothing is left to do.
 * @param failed backends that could not be switched, or did not come back
 */
export function planRest(whole: Inventory, view: FleetView, failed: ReadonlySet<string>, author: Author): Planned {
  const not = balancersAway(view) ?? tornConfiguration(whole, view) ?? changedByHand(view) ?? lostSlot(whole, view);
  if (not !== undefined) return not;
  const inventory = settledFleet(whole, view);
  const routing = new Routing(inventory, view, author, view.begun);
  const seen = (name: string): boolean => view.backends[name]?.kind === 'seen';
  // What no roll has brought in yet is nobody's to put in here.
  const inOurs = (name: string): boolean => routing.reasonOf(name) !== NEW && inHand(routing.reasonOf(name));
  const held = routing.out.filter((name) => inOurs(name) && !failed.has(name));
  const well = held.filter((name) => seen(name) && runs(view, name) !== null);
  // Where nothing is begun any more, one version serves: another would be mixed in for good.
  const serving = view.begun === null ? prevailing(view, held) : undefined;
  const coming = well.filter((name) => serving === undefined || runs(view, name) === serving);
  const strange = well.filter((name) => !coming.includes(name));
  const silent = held.filter((name) => !well.includes(name));
  // Whoever failed and is told so already is at rest.
  const told = failedReason(view.begun?.to ?? '');
  const failing = routing.out.filter((name) => failed.has(name) && inOurs(name) && routing.reasonOf(name) !== told);
  const lost = routing.in.filter((name) => !seen(name));
  const leaving = routing.in.length + coming.length - lost.length < leastInRotation(inventory) ? [] : lost;

  const phases: Phase[] = seenHealthy(inventory, view, coming);
  for (const name of coming) routing.putIn(name);
  for (const name of failing) routing.takeOut(name, told);
  for (const name of leaving) routing.takeOut(name, LOST);
  const words = [
    ...(coming.length > 0 ? [`${listed(coming)} back in rotation`] : []),
    ...(failing.length > 0 ? [`${listed(failing)} ${failing.length === 1 ? 'stays' : 'stay'} out`] : []),
    ...(leaving.length > 0 ? [`${listed(leaving)} out of rotation`] : []),
  ];
  const title = words.length > 0 ? words.join(', ') : unsettled(inventory, view);
  if (title !== undefined) phases.push(...routing.flip(title));
  const stay = [
    ...(lost.length > leaving.length ? [`${listed(lost)} can't be reached, and can't be spared in rotation`] : []),
    ...(silent.length > 0
      ? [
          `${listed(silent)} ${silent.length === 1 ? 'stays' : 'stay'} out: no release is seen to run there; mend that, then \`orchestrate roll\` puts ${silent.length === 1 ? 'it' : 'them'} back`,
        ]
      : []),
    ...(strange.length > 0
      ? [
          `${listed(strange)} ${strange.length === 1 ? 'stays' : 'stay'} out: what runs there is not ${serving ?? 'known to serve'}, which the fleet runs; \`orchestrate roll\` brings all to one version`,
        ]
      : []),
  ];
  return declaring(inventory, routing.missing, { title: title ?? 'the fleet at rest' }, phases, stay);
}
