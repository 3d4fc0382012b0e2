import type { Backend, Inventory } from '../inventory.ts';
import type { FleetView } from '../fleet.ts';
import { complete, newestRecord } from '../fleet.ts';
import type { Intent } from '../record.ts';
import type { Size } from '../batch.ts';
import { bestDeclared, orders, type Order } from './cut.ts';
import { older } from './age.ts';
import { authored, Routing, type Author } from './flip.ts';
import { declaring } from './declaring.ts';
import { enoughLeft, groundFor, settling } from './ground.ts';
import { inHand } from './hand.ts';
import { listed } from './listed.ts';
import { atOnce, movingOver, names, together } from './moving.ts';
import { neverRolled, settledFleet } from './newcomers.ts';
import { noReturn } from './one-way.ts';
import { preflight } from './preflight.ts';
import { switching } from './switching.ts';
import { origin, runs } from './prevailing.ts';
import { refused, type Planned } from './refusal.ts';
import { planAbort, splitLives } from './split.ts';
import { splitOf } from '../split.ts';

export interface RollbackWish {
  /** Absent: the newest before the present one that has served and that every host has. */
  readonly release?: string;
  /** The backends to touch. */
  readonly hosts: readonly string[];
  readonly batch: readonly Size[];
  /** A person answers for it that the release works with the database, whatever migrations came after it. */
  readonly acrossMigration?: boolean;
}

/** The roll backwards: nothing is built or shipped, so every host must have the release complete. */
export function planRollback(whole: Inventory, view: FleetView, asked: RollbackWish, author: Author): Planned {
  const inventory = settledFleet(whole, view);
  // What no roll has come to has nothing to go back from.
  const wish = {
    ...asked,
    hosts: asked.hosts.filter((name) => inventory.backends.some((backend) => backend.name === name)),
  };
  const lives = splitOf(newestRecord(view));
  if (lives !== null) {
    // Everybody is back with one flip: whatever else was asked for comes after that.
    if (wish.release === undefined || wish.release === lives.baseline) return planAbort(whole, view, author);
    return splitLives(view)!;
  }
  const ground =
    groundFor(whole, view, wish.hosts) ?? (wish.hosts.length === 0 ? neverRolled(whole, view, asked.hosts) : undefined);
  if (ground !== undefined) return ground;
  const present = presentOf(view, wish.hosts);
  const common = commonReleases(view, wish.hosts);
  const release =
    wish.release ??
    unfinished(view, common) ??
    served(view, common).findLast((name) => present === null || older(view)(name, present) < 0);
  if (release === undefined)
    return refused(
      `No release before ${present ?? 'the present one'} has served and is complete on every host.`,
      '`orchestrate releases` lists what each host has; `orchestrate roll --ref` builds any commit anew.',
    );
  const lacking = wish.hosts.filter((host) => !complete(view.backends[host], release));
  if (lacking.length > 0)
    return refused(
      `${release} is not complete on ${listed(lacking)}.`,
      common.length > 0 ? `Every host has: ${common.join(', ')}.` : '`orchestrate roll --ref` builds any commit anew.',
    );
  const behind = wish.acrossMigration === true ? undefined : noReturn(view, release);
  if (behind !== undefined)
    return refused(
      `A migration that is not additive came with ${behind}: ${release} may not work with the database as it is now.`,
      'Roll forward with what mends it. If you have taken the migration back, or know that the release works: `orchestrate rollback --across-migration`.',
    );
  const from = origin(view, release);
  const intent: Intent = {
    kind: 'rollback',
    from,
    to: release,
    hosts: [...wish.hosts],
    batch: [...wish.batch],
    ...authored(author),
  };
  const begun = new Routing(inventory, view, author, view.begun);
  const touched = inventory.backends.filter(
    ({ name }) => wish.hosts.includes(name) && !settled(view, begun, name, release),
  );
  const over = movingOver(inventory, view, names(touched), release);
  const rest = (others: readonly Backend[]): readonly Order[] => orders(inventory, others, wish.batch, begun);
  const ways = [...atOnce(touched, over, rest), ...together(touched, over, rest)];
  const short = (order: Order) => enoughLeft(inventory, begun, order, over);
  const possible = ways.filter((order) => short(order) === undefined);
  if (possible.length === 0) return short(ways[0] ?? [])!;
  const attempt = (order: Order) => {
    const routing = touched.length === 0 ? begun : new Routing(inventory, view, author, intent);
    if (touched.length === 0) return { routing, phases: settling(inventory, view, routing, release) };
    return { routing, phases: switching(whole, view, routing, { release, batches: order }) };
  };
  const { routing, phases } = bestDeclared(attempt, possible);
  const goal = { release: { release, virtualenv: '' }, hosts: names(touched), builder: inventory.build.builder };
  const title = `back to ${release} on ${listed(touched.length === 0 ? wish.hosts : touched.map(({ name }) => name))}`;
  return declaring(
    inventory,
    routing.missing,
    { title, from, to: release, intent },
    [...preflight(inventory, view, goal, phases), ...phases],
    [],
  );
}

/** The newest release that runs on any of the hosts; null: none. */
function presentOf(view: FleetView, hosts: readonly string[]): string | null {
  const running = hosts.map((name) => runs(view, name)).filter((release) => release !== null);
  return running.toSorted(older(view)).at(-1) ?? null;
}

/** Where a roll that was not finished came from, or a rollback that was not was going to, if every host has it. */
function unfinished(view: FleetView, common: readonly string[]): string | undefined {
  const release = view.begun?.kind === 'rollback' ? view.begun.to : view.begun?.from;
  return common.find((name) => name === release);
}

/** Those that have served: one that was staged and failed is nothing to go back to. All, where no record tells. */
function served(view: FleetView, common: readonly string[]): readonly string[] {
  const known = newestRecord(view)?.served;
  return known === undefined ? common : common.filter((name) => known.includes(name));
}

/** Whether a host has nothing left to do: it runs the release, would start it again, and no roll has it in hand. */
export function settled(view: FleetView, routing: Routing, name: string, release: string): boolean {
  const seen = view.backends[name];
  if (seen?.kind !== 'seen' || seen.running !== release || inHand(routing.reasonOf(name))) return false;
  // With two slots `current` only follows; what starts is what the slot's own link names.
  return seen.slots.length > 1 || seen.current === release;
}

/** Releases that are complete on all of the hosts, oldest first. */
function commonReleases(view: FleetView, hosts: readonly string[]): string[] {
  const [first, ...others] = hosts.map((host) => {
    const seen = view.backends[host];
    return new Set(seen?.kind === 'seen' ? seen.releases.map(({ release }) => release) : []);
  });
  return [...(first ?? [])].filter((name) => others.every((other) => other.has(name))).toSorted(older(view));
}
