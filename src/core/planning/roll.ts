import type { Inventory } from '../inventory.ts';
import type { FleetView } from '../fleet.ts';
import { idleOf, seenBalancers, sparedBy } from '../fleet.ts';
import type { Intent } from '../record.ts';
import type { Size } from '../batch.ts';
import { releaseName, virtualenvKey, type Release, type VirtualenvContent } from '../release.ts';
import { bestDeclared, orders, type Order } from './cut.ts';
import { authored, Routing, type Author } from './flip.ts';
import { declaring } from './declaring.ts';
import { enoughLeft, groundFor, settling } from './ground.ts';
import { failedReason, LOST } from './hand.ts';
import { listed } from './listed.ts';
import { movingOver, names } from './moving.ts';
import { newcomers, settledFleet } from './newcomers.ts';
import { joining, switching } from './switching.ts';
import { settled } from './rollback.ts';
import { preflight } from './preflight.ts';
import { staging } from './staging.ts';
import { origin } from './prevailing.ts';
import { refused, type Planned } from './refusal.ts';
import { splitLives } from './split.ts';

export interface RollWish {
  /** What the release is: a commit that may have to be built, or a release that the builder has complete. */
  readonly of: CommitWish | Release;
  /** The backends to touch. */
  readonly hosts: readonly string[];
  readonly batch: readonly Size[];
  readonly allowMigrations: readonly string[];
  readonly warnings: readonly string[];
  /** Milliseconds for which what served before is to run on; absent: as the inventory has it. Whoever resumes it keeps to it. */
  readonly linger?: number;
  /** Backends that it goes without, since they can't be reached, or failed: taken out of rotation first. */
  readonly without?: ReadonlyMap<string, 'lost' | 'failed'>;
}

export interface CommitWish {
  readonly commit: Omit<Release, 'version' | 'release' | 'virtualenv' | 'built'>;
  /** The requirements as of the commit. */
  readonly requirements: Pick<VirtualenvContent, 'files' | 'local'>;
  /** Bytes of the commit's archive. */
  readonly bytes: number;
  /** Milliseconds since the epoch: names the release if it has to be built. */
  readonly now: number;
}

const isCommit = (of: RollWish['of']): of is CommitWish => 'requirements' in of;

/** The whole roll, from the commit to the last host back in rotation. The same facts give the same plan; nothing left to do gives an empty one. */
export function planRoll(inventory: Inventory, view: FleetView, wish: RollWish, author: Author): Planned {
  const builder = inventory.build.builder;
  const ground = groundFor(inventory, view, [...new Set([builder, ...wish.hosts])]) ?? splitLives(view);
  if (ground !== undefined) return ground;
  const release = releaseFor(inventory, view, wish.of);
  const present = origin(view, release.release);
  const fleet = settledFleet(inventory, view);
  const left = newcomers(inventory, view);
  const intent: Intent = {
    kind: 'roll',
    from: present,
    to: release.release,
    commit: release.commit,
    ref: release.ref,
    // Those that it goes without too: whoever resumes it, after a death before they were taken out, must not leave them to serve another.
    hosts: [...wish.hosts, ...(wish.without?.keys() ?? [])],
    batch: [...wish.batch],
    ...(wish.allowMigrations.length === 0 ? {} : { allow: [...wish.allowMigrations] }),
    ...(wish.linger === undefined ? {} : { linger: wish.linger }),
    ...authored(author),
  };
  const begun = new Routing(fleet, view, author, view.begun);
  const goes = begun.in.filter((name) => wish.without?.has(name) === true);
  const few = enoughLeft(fleet, begun, [goes]);
  if (few !== undefined) return few;
  without(begun, wish, release.release);
  const touched = inventory.backends.filter(
    ({ name }) => wish.hosts.includes(name) && (left.has(name) || !settled(view, begun, name, release.release)),
  );
  const joins = names(touched).filter((name) => left.has(name));
  const title = `${release.release} (${release.subject}) on ${listed(names(touched))}`;
  if (touched.length === 0) {
    const phases = settling(fleet, view, begun, release.release, new Set(wish.without?.keys()));
    const runs = { title: `${release.release} runs on ${listed(wish.hosts)}`, ...asideOf(wish) };
    return declaring(inventory, begun.missing, runs, phases, wish.warnings);
  }

  const unsure = touched.filter(({ name }) => {
    const seen = view.backends[name];
    return seen?.kind === 'seen' && seen.running === 'unsure';
  });
  if (unsure.length > 0)
    return refused(
      `What ${listed(names(unsure))} really runs can't be told: its code was started through the link \`current\`.`,
      'Start it with real paths: `cd -P current/repository && exec …`, or use the wrapper (service.wrapper: true). `orchestrate check` shows the line.',
    );
  const taken = touched.flatMap(({ name }) => {
    const idle = idleOf(view.backends[name]);
    return idle?.running === 'unsure' ? [`${name}: port ${idle.port}`] : [];
  });
  if (taken.length > 0)
    return refused(
      'Something listens where the next release is to start, and it is no release of this app.',
      "`orchestrate check` tells more; `ss -ltnp` on the host names it. End it, or take another port, or one slot (`slots: [8000]` beside the host's address).",
      taken,
    );

  const toStage = {
    release,
    bytes: isCommit(wish.of) ? wish.of.bytes : 0,
    hosts: names(touched),
    builder,
    allowMigrations: wish.allowMigrations,
  };
  const others = touched.filter(({ name }) => !left.has(name));
  const ways = orders(fleet, others, wish.batch, begun);
  const over = movingOver(fleet, view, names(others), release.release);
  const short = (order: Order) => enoughLeft(fleet, begun, order, over);
  const possible = ways.filter((order) => short(order) === undefined);
  if (possible.length === 0) return short(ways[0] ?? [])!;
  const attempt = (order: Order) => {
    const routing = without(new Routing(fleet, view, author, intent), wish, release.release);
    const goal = { release: release.release, batches: order };
    if (joins.length === 0) return { routing, phases: switching(inventory, view, routing, goal), order };
    // Where it can't be told that nothing is sent to them, that is made so first.
    const sure = seenBalancers(view).every(([, balancer]) =>
      joins.every((name) => sparedBy(balancer, inventory)?.includes(name)),
    );
    const phases = sure ? [] : routing.flip(`nothing is sent to ${listed(joins)} until the first roll`);
    phases.push(joining(inventory, view, goal, joins), ...switching(inventory, view, routing, { ...goal, before: 1 }));
    const coming = new Set(joins);
    const all = {
      ...inventory,
      backends: inventory.backends.filter(({ name }) => coming.has(name) || !left.has(name)),
    };
    const last = new Routing(all, routing.seenAfter(), author, order.length === 0 ? intent : null, coming);
    const moved = movingOver(inventory, view, joins, release.release);
    for (const name of joins) {
      const way = moved.get(name);
      if (way === undefined) last.served(name, release.release);
      else last.moveOver(name, way.port, release.release);
    }
    if (order.length === 0) last.finish(release.release);
    phases.push(...last.flip(`${listed(joins)} in rotation`));
    return { routing: { missing: [...routing.missing, ...last.missing], out: routing.out }, phases, order };
  };
  const { routing, phases, order } = bestDeclared(attempt, possible);
  const stages = staging(inventory, view, toStage);
  return declaring(
    inventory,
    routing.missing,
    {
      title,
      from: present,
      to: release.release,
      intent,
      ...asideOf(wish),
    },
    [...preflight(inventory, view, toStage, [...stages, ...phases]), ...stages, ...phases],
    [
      ...wish.warnings,
      ...unfinished(view, release.release),
      ...notes(inventory, routing, view, order, present),
      ...doubled([...over.keys()]),
    ],
  );
}

/** What two releases on one host take. */
const doubled = (hosts: readonly string[]): string[] =>
  hosts.length === 0
    ? []
    : [
        `${listed(hosts)} ${hosts.length === 1 ? 'runs' : 'run'} both releases until the former one has lingered: twice the workers, their memory and their database connections`,
      ];

function asideOf({ without: goes }: RollWish): { readonly aside?: readonly string[] } {
  const aside = [...(goes ?? [])].flatMap(([name, why]) => (why === 'lost' ? [name] : []));
  return aside.length === 0 ? {} : { aside };
}

/** They leave rotation with the first flip. */
function without(routing: Routing, wish: RollWish, release: string): Routing {
  for (const [name, why] of wish.without ?? [])
    if (routing.in.includes(name)) routing.takeOut(name, why === 'lost' ? LOST : failedReason(release));
  return routing;
}

/** What else was begun, and the two ways to end it in place of this roll. */
function unfinished({ begun }: FleetView, release: string): string[] {
  if (begun === null) return [];
  const who = `\`${begun.command}\`, which ${begun.by} began at ${begun.at}`;
  return begun.kind === 'roll' && begun.to === release
    ? [`this goes on with ${who} and did not finish`]
    : [
        `${who}, is not finished: this takes its place (\`orchestrate resume\` goes on with it, \`orchestrate rollback\` undoes it)`,
      ];
}

export function releaseFor(inventory: Inventory, view: FleetView, of: RollWish['of']): Release {
  if (!isCommit(of)) return of;
  const wanted = releaseOf(inventory, view, of);
  return built(view, inventory.build.builder, wanted) ?? wanted;
}

/** The release as it would be named and keyed if it were built now. */
function releaseOf(inventory: Inventory, view: FleetView, wish: CommitWish): Release {
  const seen = view.backends[inventory.build.builder];
  const { venv_args, commands } = inventory.build;
  const content = {
    ...wish.requirements,
    python: seen?.kind === 'seen' ? seen.python : '',
    platform: seen?.kind === 'seen' ? seen.platform : '',
    venvArgs: venv_args,
    commands,
  };
  return {
    ...wish.commit,
    version: 1,
    release: releaseName(wish.now, wish.commit.commit),
    virtualenv: virtualenvKey(content),
    built: new Date(wish.now).toISOString(),
  };
}

/** A complete release on the builder that is the same: the newest. */
function built(view: FleetView, builder: string, wanted: Release): Release | undefined {
  const seen = view.backends[builder];
  if (seen?.kind !== 'seen') return undefined;
  return seen.releases
    .filter(({ commit, virtualenv }) => commit === wanted.commit && virtualenv === wanted.virtualenv)
    .toSorted((a, b) => (a.release < b.release ? -1 : 1))
    .at(-1);
}

function notes(
  inventory: Inventory,
  routing: Pick<Routing, 'out'>,
  view: FleetView,
  order: readonly (readonly string[])[],
  present: string | null,
): string[] {
  const stays = routing.out;
  const lines: string[] = [];
  if (present === null) lines.push('no release runs yet: the site has nothing to lose until this roll is done');
  if (stays.length > 0)
    lines.push(
      `${listed(stays)} ${stays.length === 1 ? 'is' : 'are'} out of rotation and will be updated all the same, and stay out`,
    );
  if (order.length > 1) lines.push(`both releases serve side by side while it rolls: ${order.length} batches`);
  if (inventory.roll.bake > 0) lines.push('the last batch is not judged: there is nothing left to compare it with');
  if (inventory.migrate.allow === 'any')
    lines.push(
      'migrate.allow is `any`: a migration that removes or renames breaks the release before, and is not taken back',
    );
  if (Object.values(view.balancers).length > 1)
    lines.push(`each flip is made on all ${Object.values(view.balancers).length} balancers`);
  return lines;
}
