import type { Inventory } from '../inventory.ts';
import { idleOf, newestRecord, type FleetView } from '../fleet.ts';
import type { Phase } from '../plan.ts';
import type { Goal } from '../ab/goals.ts';
import type { Split } from '../record.ts';
import type { Release } from '../release.ts';
import { hasTwo } from '../slots.ts';
import { following, idleSide } from './arms.ts';
import { authored, Routing, type Author } from './flip.ts';
import { beginInPlace } from './canary-in-place.ts';
import { canaryHosts } from './canary-hosts.ts';
import { declaring } from './declaring.ts';
import { groundFor, unsettled } from './ground.ts';
import { health } from './health.ts';
import { listed } from './listed.ts';
import { movingOver, names } from './moving.ts';
import { neverRolled } from './newcomers.ts';
import { preflight } from './preflight.ts';
import { runs } from './prevailing.ts';
import { refused, type Planned, type Refused } from './refusal.ts';
import { releaseFor, type RollWish } from './roll.ts';
import { splitLives } from './split.ts';
import { staging } from './staging.ts';
import { starting } from './switching.ts';

export interface CanaryWish {
  readonly of: RollWish['of'];
  /** Of a hundred, in order; the first is where it begins. */
  readonly shares: readonly [number, ...number[]];
  /** Milliseconds. */
  readonly hold: number;
  readonly promote: Split['promote'];
  /** An A/B window: what seeds its buckets, when it ends, what becomes of it then, and what is counted. */
  readonly ab?: {
    readonly name: string;
    readonly until: string;
    readonly next: NonNullable<Split['ab']>['next'];
    readonly a: string | undefined;
    readonly goals: readonly Goal[];
  };
  /** The bin of the baseline's slowest hundredth, where that is known. */
  readonly t99?: number;
  /** Backends with one slot that a person named for it. */
  readonly hosts?: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * The new release beside the one that serves, on the other slot of each backend, or on some hosts where each has one, and some of the users
 * sent there. Everything is staged and seen healthy before the first of them; that they go there and come back is one rename.
 */
export function planCanary(inventory: Inventory, view: FleetView, wish: CanaryWish, author: Author): Planned {
  const all = names(inventory.backends);
  const not = groundFor(inventory, view, all) ?? splitLives(view) ?? unfit(inventory, view, all, wish);
  if (not !== undefined) return not;
  const release = releaseFor(inventory, view, wish.of);
  const [baseline = null] = new Set(all.map((name) => runs(view, name)));
  if (baseline === null || baseline === release.release)
    return refused(
      baseline === null
        ? 'No release runs yet: there is nothing to compare a canary with.'
        : `${release.release} is what serves already: a canary needs another commit.`,
      baseline === null ? '`orchestrate roll` brings the first one in.' : 'Give another one with --ref.',
    );
  const wrongA = wish.ab?.a === undefined ? undefined : servesNot(view, wish.ab.a, baseline);
  if (wrongA !== undefined) return wrongA;
  const toStage = {
    release,
    bytes: 'requirements' in wish.of ? wish.of.bytes : 0,
    hosts: all,
    builder: inventory.build.builder,
    allowMigrations: [],
  };
  const single = inventory.backends.every((backend) => !hasTwo(backend));
  const over = movingOver(inventory, view, all, release.release);
  const fresh = [...over].flatMap(([name, { ready }]) => (ready ? [] : [name]));
  const routing = new Routing(inventory, view, author, null);
  const [share, ...steps] = wish.shares;
  const split: Split = {
    name: wish.ab?.name ?? release.commit,
    follower: `${release.commit.slice(0, 12)}-${author.token}`,
    canary: release.release,
    baseline,
    side: idleSide(inventory, view),
    share,
    steps,
    hold: wish.hold,
    promote: wish.promote,
    unwatched: inventory.canary.unwatched,
    ...(wish.t99 === undefined ? {} : { t99: wish.t99 }),
    ...(wish.ab === undefined ? {} : { ab: { until: wish.ab.until, next: wish.ab.next } }),
    ...authored(author),
    at: `@time:${routing.generation + 1}`,
  };
  const stages = staging(inventory, view, toStage);
  const told = [
    ...wish.warnings,
    ...(wish.ab === undefined && inventory.canary.unwatched === 'abort'
      ? ['when nobody watches for 2 minutes, the balancers send everybody back by themselves']
      : []),
  ];
  if (single) {
    const chosen = canaryHosts(inventory, routing, Math.max(...wish.shares), wish.hosts);
    if ('kind' in chosen) return chosen;
    const { hosts, warnings } = chosen;
    const { phases, routing: done } = beginInPlace(
      inventory,
      view,
      { ...split, hosts: [...hosts] },
      wish.ab?.goals ?? [],
      author,
    );
    const title = titleOf(wish, split, release, `on ${listed(hosts)}`);
    return declaring(
      inventory,
      done.missing,
      { title, from: baseline, to: release.release },
      [...preflight(inventory, view, toStage, [...stages, ...phases]), ...stages, ...phases],
      [...warnings, ...told],
    );
  }
  // Nothing may send to both slots of a host when the other one begins to answer.
  const unequal = unsettled(inventory, view);
  const equal = unequal === undefined ? [] : routing.flip(unequal);
  const started: Phase[] =
    fresh.length > 0
      ? [starting(inventory, view, { release: release.release, batches: [fresh] }, fresh, new Set(fresh))]
      : [
          {
            name: 'health',
            title: `see that ${release.release} is healthy on ${listed(all)}`,
            tracks: inventory.backends.map((backend) => ({
              host: backend.name,
              steps: health(inventory, view, backend, over.get(backend.name)?.port),
            })),
          },
        ];
  routing.split = { ...split, at: `@time:${routing.generation + 1}` };
  const flip = routing.flip(`${share} % of the users to ${release.release}`);
  const phases = [
    ...stages,
    ...equal,
    ...started,
    following(inventory, view, split, wish.ab?.goals ?? [], author.at),
    ...flip,
  ];
  return declaring(
    inventory,
    routing.missing,
    {
      title: titleOf(wish, split, release, `on the other slot of ${listed(all)}`),
      from: baseline,
      to: release.release,
    },
    [...preflight(inventory, view, toStage, phases), ...phases],
    [
      `${listed(all)} ${all.length === 1 ? 'runs' : 'run'} both releases while ${wish.ab === undefined ? 'the canary lives' : 'the window is open'}: twice the workers, their memory and their database connections`,
      ...told,
    ],
  );
}

const titleOf = (
  { ab }: CanaryWish,
  { share, baseline }: Split,
  { release, subject }: Release,
  where: string,
): string =>
  ab === undefined
    ? `a canary of ${release} (${subject}): ${share} % of the users, ${where}`
    : `an A/B window until ${ab.until}: A is ${baseline}, B is ${release} (${subject}) for ${share} % of the users, ${where}`;

/** Side A is what serves: a window that moved everybody at its beginning would be a roll. `a`: a commit. */
function servesNot(view: FleetView, a: string, baseline: string): Refused | undefined {
  const builds = Object.values(view.backends).flatMap((seen) => (seen.kind === 'seen' ? seen.releases : []));
  const made = builds.find(({ release }) => release === baseline);
  if (made?.commit === a) return undefined;
  return refused(
    `Side A is to be ${a.slice(0, 7)}, and ${baseline} serves.`,
    `\`orchestrate roll --ref ${a.slice(0, 7)}\` brings it in first; or leave --a out, and what serves is A.`,
    [],
    2,
  );
}

/** Why this fleet can't have a canary as it is. */
function unfit(
  inventory: Inventory,
  view: FleetView,
  all: readonly string[],
  { ab, hosts }: Pick<CanaryWish, 'ab' | 'hosts'>,
): Refused | undefined {
  if (inventory.nginx.switch !== 'live')
    return refused(
      'A canary needs nginx.switch: live: users are split by the routing table.',
      'See nginx.switch in inventory.yaml.',
      [],
      2,
    );
  const single = inventory.backends.filter((backend) => !hasTwo(backend));
  if (hosts !== undefined && single.length === 0)
    return refused(
      'Each backend has two slots: the new release runs on the other one of all of them, and hosts need not be chosen.',
      'Leave --hosts out.',
      [],
      2,
    );
  if (single.length > 0 && ab?.next === 'b')
    return refused(
      `At its end the balancers can't take everybody to B by themselves: ${listed(names(single))} ${single.length === 1 ? 'has' : 'have'} one slot, and would have to be rolled.`,
      'Say --then ask, and at its end `orchestrate ab end --then b`, which rolls the others; or give each backend two slots.',
      [],
      2,
    );
  if (single.length > 0 && single.length < inventory.backends.length)
    return refused(
      `${ab === undefined ? 'A canary' : 'An A/B window'} runs beside what serves, on a second slot of each backend; ${listed(names(single))} ${single.length === 1 ? 'has' : 'have'} one.`,
      'Give each two, as service.slots: [8000, 8001]; `orchestrate init --print steps` says what that takes on the hosts.',
      [],
      2,
    );
  if (view.begun !== null)
    return refused(
      `\`${view.begun.command}\`, which ${view.begun.by} began at ${view.begun.at}, is not finished.`,
      '`orchestrate resume` goes on with it, `orchestrate rollback` undoes it.',
    );
  const fresh = neverRolled(inventory, view, all);
  if (fresh !== undefined) return fresh;
  const running = new Set(all.map((name) => runs(view, name)));
  const record = newestRecord(view);
  const firsts = new Set(
    inventory.backends.map(({ name, slots }) => (record?.backends[name]?.slot ?? slots[0]) === slots[0]),
  );
  if (running.size > 1 || firsts.size > 1)
    return refused(
      running.size > 1
        ? 'The backends do not run one release.'
        : 'Some backends serve by their first slot, others by their second.',
      '`orchestrate roll` brings all to one release and one side; then try again.',
      all.map(
        (name) =>
          `${name} runs ${runs(view, name) ?? 'nothing that can be told'}, port ${record?.backends[name]?.slot ?? ''}`,
      ),
    );
  const taken = inventory.backends.filter(({ name }) => idleOf(view.backends[name])?.running === 'unsure');
  if (taken.length > 0)
    return refused(
      `Something listens where the canary is to start, and it is no release of this app: on ${listed(names(taken))}.`,
      '`orchestrate check` tells more; `ss -ltnp` on the host names it.',
    );
  return undefined;
}
