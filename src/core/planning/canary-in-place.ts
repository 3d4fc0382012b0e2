import type { Inventory } from '../inventory.ts';
import type { FleetView } from '../fleet.ts';
import type { Goal } from '../ab/goals.ts';
import type { Phase } from '../plan.ts';
import type { Intent, Split } from '../record.ts';
import { planBack } from './back.ts';
import { orders } from './cut.ts';
import { authored, Routing, type Author } from './flip.ts';
import { declaring } from './declaring.ts';
import { enoughLeft, groundFor } from './ground.ts';
import { handReason, NEW } from './hand.ts';
import { listed } from './listed.ts';
import { names } from './moving.ts';
import { following, unfollowing } from './arms.ts';
import type { Planned } from './refusal.ts';
import { switching, track } from './switching.ts';

// A canary, or an A/B window’s side B, on backends with one slot: some of them leave rotation, are switched as a roll switches them, and come back as the canary's arm.

/** A canary on hosts of its own. */
export type InPlace = Split & { readonly hosts: readonly string[] };

/** What is begun while hosts are on their way back from a canary, or to it: whoever goes on with it brings them to what serves. */
const backIntent = ({ baseline, hosts }: Pick<InPlace, 'baseline' | 'hosts'>, author: Author): Intent => ({
  kind: 'rollback',
  from: baseline,
  to: baseline,
  hosts: [...hosts],
  batch: [hosts.length],
  ...authored(author),
});

/**
 * The canary's hosts leave together, and come back together with the flip that begins the split: nobody meets the release before. The
 * others bear meanwhile what they are to bear while it lives, and the canary's share.
 */
export function beginInPlace(
  inventory: Inventory,
  view: FleetView,
  split: InPlace,
  goals: readonly Goal[],
  author: Author,
): { readonly phases: readonly Phase[]; readonly routing: Routing } {
  const { hosts, canary, share } = split;
  const routing = new Routing(inventory, view, author, backIntent(split, author));
  const goal = { release: canary, batches: [hosts] };
  for (const host of hosts) routing.takeOut(host, handReason(canary));
  const out = routing.flip(`${listed(hosts)} out of rotation`);
  const switched: Phase = {
    name: 'batch',
    title: `${listed(hosts)} to ${canary}`,
    tracks: hosts.map((host) => track(inventory, view, host, goal, false)),
    batch: { number: 1, of: 1, hosts: [...hosts] },
  };
  for (const host of hosts) {
    routing.served(host, canary);
    routing.putIn(host);
  }
  routing.split = { ...split, at: `@time:${routing.generation + 1}` };
  routing.finish(null);
  const follow = following(inventory, view, split, goals, author.at);
  return {
    routing,
    phases: [...out, switched, follow, ...routing.flip(`${share} % of the users to ${canary}, on ${listed(hosts)}`)],
  };
}

/** The way of a split for the time when nobody is there: its hosts leave, since what they run is not what serves then; who comes next brings them to it. */
export function wayBack(inventory: Inventory, view: FleetView, split: Split, author: Author): Routing {
  const routing = new Routing(inventory, view, author, inPlace(split) ? backIntent(split, author) : view.begun);
  for (const host of split.hosts ?? [])
    if (routing.in.includes(host)) routing.takeOut(host, handReason(split.baseline));
  return routing;
}

/**
 * Everybody back with the first flip, which takes the canary's hosts out; then they get what serves. Hosts that can't be looked at don't
 * keep their users waiting: then that flip is all, and `resume` brings what serves to them.
 */
export function abortInPlace(inventory: Inventory, view: FleetView, split: InPlace, author: Author): Planned {
  const { baseline } = split;
  const hosts = split.hosts.filter((name) => inventory.backends.some((backend) => backend.name === name));
  const ground = groundFor(inventory, view, []);
  if (ground !== undefined) return ground;
  const intent = backIntent({ baseline, hosts }, author);
  const routing = new Routing(inventory, view, author, intent);
  routing.endSplit('aborted');
  const back = `everybody back to ${baseline}`;
  const goal = { title: `${back}, then it is brought to ${listed(hosts)}`, from: baseline, to: baseline, intent };
  const away = groundFor(inventory, view, hosts);
  if (away !== undefined) {
    for (const host of hosts) if (routing.in.includes(host)) routing.takeOut(host, handReason(baseline));
    const phases = [...routing.flip(back), unfollowing(inventory, view)];
    const left = `${listed(hosts)} ${hosts.length === 1 ? 'stays' : 'stay'} out: ${away.message} \`orchestrate resume\` brings ${baseline} there`;
    return declaring(inventory, routing.missing, { ...goal, title: back }, phases, [left]);
  }
  const phases = switching(inventory, view, routing, { release: baseline, batches: [hosts], hurry: true });
  return declaring(inventory, routing.missing, goal, [...phases, unfollowing(inventory, view)], []);
}

/** What a canary that failed as it began, or as it ended, has left: its hosts out, with whatever runs there. Undefined: none has. */
export function leftInPlace(
  inventory: Inventory,
  view: FleetView,
  givenUp: ReadonlySet<string>,
  author: Author,
): Planned | undefined {
  const { begun } = view;
  if (begun === null || begun.kind !== 'rollback' || begun.from !== begun.to) return undefined;
  return planBack(inventory, view, { release: begun.to, failed: undefined, hosts: begun.hosts, givenUp }, author);
}

/** The other hosts, as a roll takes them to it. The first flip ends the split: everybody meets whichever host answers, as in each roll. */
export function promoteInPlace(inventory: Inventory, view: FleetView, split: InPlace, author: Author): Planned {
  const ground = groundFor(inventory, view, names(inventory.backends));
  if (ground !== undefined) return ground;
  const { canary, baseline } = split;
  const made = Object.values(view.backends).flatMap((seen) => (seen.kind === 'seen' ? seen.releases : []));
  const commit = made.find(({ release }) => release === canary)?.commit;
  const intent: Intent = {
    kind: 'roll',
    from: baseline,
    to: canary,
    ...(commit === undefined ? {} : { commit }),
    hosts: names(inventory.backends),
    batch: [...inventory.roll.batch],
    ...authored(author),
  };
  const routing = new Routing(inventory, view, author, intent);
  routing.endSplit('promoted');
  const others = inventory.backends.filter(({ name }) => !split.hosts.includes(name) && routing.reasonOf(name) !== NEW);
  const [order = []] = orders(inventory, others, inventory.roll.batch, routing);
  const short = enoughLeft(inventory, routing, order);
  if (short !== undefined) return short;
  const phases = switching(inventory, view, routing, { release: canary, batches: order });
  const goal = { title: `${canary} on ${listed(names(others))} too`, from: baseline, to: canary, intent };
  return declaring(inventory, routing.missing, goal, [...phases, unfollowing(inventory, view)], []);
}

/** Whether a split is on hosts of its own. */
export const inPlace = (split: Split): split is InPlace => split.hosts !== undefined;
