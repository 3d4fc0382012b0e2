import type { Inventory } from '../inventory.ts';
import { newestRecord, type FleetView } from '../fleet.ts';
import { splitOf } from '../split.ts';
import type { Phase } from '../plan.ts';
import { Routing, type Author } from './flip.ts';
import { enoughLeft, groundFor, unsettled } from './ground.ts';
import { declaring } from './declaring.ts';
import { refused, type Planned } from './refusal.ts';
import { inHand } from './hand.ts';
import { listed } from './listed.ts';
import { neverRolled, settledFleet } from './newcomers.ts';
import { drained } from './draining.ts';
import { seenHealthy } from './health.ts';
import { prevailing } from './prevailing.ts';

/** Takes backends out of rotation, and proves that no request is left on them. They stay out until `enable`. */
export function planDrain(
  whole: Inventory,
  view: FleetView,
  hosts: readonly string[],
  reason: string,
  author: Author,
): Planned {
  const ground = groundFor(whole, view, []) ?? neverRolled(whole, view, hosts);
  if (ground !== undefined) return ground;
  const inventory = settledFleet(whole, view);
  const routing = new Routing(inventory, view, author, view.begun);
  const leaving = hosts.filter((host) => !routing.out.includes(host) || inHand(routing.reasonOf(host)));
  const short = enoughLeft(inventory, routing, [leaving]);
  if (short !== undefined) return short;
  const lives = splitOf(newestRecord(view));
  if (lives?.hosts !== undefined && routing.in.every((name) => leaving.includes(name) || lives.hosts?.includes(name)))
    return refused(
      `Nothing would be left to serve ${lives.baseline}: the others serve the canary.`,
      '`orchestrate canary promote` or `orchestrate canary abort` ends it; then try again.',
      [],
      2,
    );
  for (const host of leaving) routing.takeOut(host, reason);
  const flips =
    leaving.length > 0
      ? routing.flip(`${listed(leaving)} out of rotation: ${reason}`)
      : equalizing(inventory, view, routing);
  // What was out already is proved again: that it was told to leave does not say that it was empty then.
  const empty: Phase = {
    name: 'drain',
    title: `wait until no request is left on ${listed(hosts)}`,
    tracks: inventory.backends
      .filter(({ name }) => hosts.includes(name) && view.backends[name]?.kind === 'seen')
      .map((backend) => ({ host: backend.name, steps: drained(whole, view, backend) })),
  };
  const phases = [...flips, ...(empty.tracks.length > 0 ? [empty] : [])];
  return declaring(inventory, routing.missing, { title: `drain ${listed(hosts)}` }, phases, []);
}

function equalizing(inventory: Inventory, view: FleetView, routing: Routing): Phase[] {
  const title = unsettled(inventory, view);
  return title === undefined ? [] : routing.flip(title);
}

/** Puts backends back, once each is healthy as seen from every balancer and runs what the fleet runs. */
export function planEnable(whole: Inventory, view: FleetView, hosts: readonly string[], author: Author): Planned {
  const ground = groundFor(whole, view, hosts) ?? neverRolled(whole, view, hosts);
  if (ground !== undefined) return ground;
  const inventory = settledFleet(whole, view);
  const lives = splitOf(newestRecord(view));
  const release = lives?.hosts === undefined ? prevailing(view, hosts) : lives.baseline;
  const routing = new Routing(inventory, view, author, view.begun);
  const astray = hosts.filter((host) => {
    const seen = view.backends[host];
    const wanted = lives?.hosts?.includes(host) === true ? lives.canary : release;
    return seen?.kind === 'seen' && seen.running !== wanted;
  });
  if (astray.length > 0)
    return refused(
      `${listed(astray)} ${astray.length === 1 ? 'does' : 'do'} not run ${release ?? 'any release'}, which the fleet runs.`,
      '`orchestrate roll` updates hosts that are out too; then enable.',
      astray.map((host) => `${host} runs ${told(view, host)}`),
    );
  const coming = hosts.filter((host) => routing.out.includes(host));
  const phases: Phase[] = seenHealthy(inventory, view, coming);
  if (coming.length > 0) {
    for (const host of coming) routing.putIn(host);
    phases.push(...routing.flip(`${listed(coming)} back in rotation`));
  } else phases.push(...equalizing(inventory, view, routing));
  return declaring(inventory, routing.missing, { title: `enable ${listed(hosts)}` }, phases, []);
}

function told(view: FleetView, host: string): string {
  const seen = view.backends[host];
  if (seen?.kind !== 'seen') return 'something unknown';
  if (seen.running === 'unsure') return 'something that cannot be told';
  return seen.running ?? 'nothing';
}
