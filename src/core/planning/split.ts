import { newestRecord, type FleetView } from '../fleet.ts';
import type { Inventory } from '../inventory.ts';
import type { Phase, RunStep } from '../plan.ts';
import type { Split } from '../record.ts';
import { shareOf, splitOf, splitWords } from '../split.ts';
import { armsOf, onBalancers, unfollowing } from './arms.ts';
import { Routing, type Author } from './flip.ts';
import { declaring } from './declaring.ts';
import { groundFor, unsettled } from './ground.ts';
import { abortInPlace, inPlace, leftInPlace, promoteInPlace, wayBack } from './canary-in-place.ts';
import { tooMuch } from './canary-hosts.ts';
import { listed } from './listed.ts';
import { health } from './health.ts';
import { refused, type Planned, type Refused } from './refusal.ts';

const SCRIPT_DEADLINE = 60_000;
/** Why a host with one slot is out that served a canary. */
const UNWELL = 'the canary on it answered no more';

/** The commands that end a canary or go on with it, for those who can't do something else while it lives. */
const WAYS_OUT =
  '`orchestrate canary promote` takes everybody over, `orchestrate canary abort` sends everybody back; then try again.';

/** Why something is refused while two releases stand side by side; undefined: one serves alone. */
export function splitLives(view: FleetView): Refused | undefined {
  const split = splitOf(newestRecord(view));
  if (split === null) return undefined;
  if (split.ab !== undefined)
    return refused(
      `An A/B window is open until ${split.ab.until}: ${split.baseline} as A and ${split.canary} as B, begun by ${split.by} at ${split.at}.`,
      '`orchestrate ab end --then a` (or b) ends it, and so does `orchestrate rollback`; then try again.',
    );
  return refused(
    `A canary lives: ${split.canary} beside ${split.baseline}, ${splitWords(split)}, begun by ${split.by} at ${split.at}.`,
    WAYS_OUT,
  );
}

/** The share of a living canary made another; 0: everybody is sent to the baseline for a while. */
export function planShare(inventory: Inventory, view: FleetView, share: number, author: Author): Planned {
  const lives = splitOf(newestRecord(view));
  if (lives?.ab !== undefined)
    return refused(
      'An A/B window keeps its share from its beginning to its end: else its sides could not be compared.',
      '`orchestrate ab end --then a` (or b) ends it.',
      [],
      2,
    );
  return withSplit(inventory, view, author, (split, routing) => {
    const { paused: _, ...rest } = split;
    const now = shareOf(split);
    // What it would have climbed to on the way is behind it.
    const next: Split =
      share === 0 ? { ...split, paused: true } : { ...rest, share, steps: split.steps.filter((each) => each > share) };
    const title =
      share === 0 ? `everybody to ${split.baseline} for a while` : `${share} % of the users to ${split.canary}`;
    if (now === share)
      return {
        title: `${share === 0 ? 'nobody is' : `${share} % of the users are`} sent to ${split.canary} already`,
        phases: [],
      };
    routing.split = next;
    const serving = routing.in.length;
    const notes = split.hosts === undefined ? [] : tooMuch(serving, split.hosts, share);
    return { title, phases: routing.flip(title), notes };
  });
}

/**
 * Hosts whose canary answers no more: its users go to the canary of the others, and no request is left to a retry. Where no other has one,
 * or Nginx would have to be reloaded for it, everybody is sent back.
 */
export function planSpare(inventory: Inventory, view: FleetView, hosts: readonly string[], author: Author): Planned {
  const abort = (): Planned => planAbort(inventory, view, author);
  const split = splitOf(newestRecord(view));
  if (split === null || split.ab !== undefined) return abort();
  const routing = new Routing(inventory, view, author, view.begun);
  const gone = new Set([...hosts, ...(split.without ?? [])]);
  const ones = split.hosts ?? inventory.backends.map(({ name }) => name);
  const left = ones.filter((name) => routing.in.includes(name) && !gone.has(name));
  if (left.length === 0) return abort();
  const planned = withSplit(inventory, view, author, (lives, way) => {
    const title = `the canary's users on ${listed(hosts)} to ${listed(left)}`;
    if (lives.hosts === undefined) {
      way.split = { ...lives, without: inventory.backends.map(({ name }) => name).filter((name) => gone.has(name)) };
    } else for (const host of hosts) if (way.in.includes(host)) way.takeOut(host, UNWELL);
    return { title, phases: way.flip(title) };
  });
  const reloads = planned.kind === 'planned' && planned.plan.phases.some(({ name }) => name === 'declare');
  return planned.kind === 'refused' || reloads ? abort() : planned;
}

/** Everybody over to the canary, with one flip; what served before lingers. On hosts of its own: the others follow, as in a roll. */
export function planPromote(inventory: Inventory, view: FleetView, author: Author): Planned {
  const lives = splitOf(newestRecord(view));
  if (lives !== null && inPlace(lives)) return promoteInPlace(inventory, view, lives, author);
  return withSplit(inventory, view, author, (split, routing) => {
    const looks: Phase = {
      name: 'health',
      title: `see that ${split.canary} is healthy everywhere`,
      tracks: inventory.backends.map((backend) => ({
        host: backend.name,
        steps: health(inventory, view, backend, armsOf(backend, split.side).canary),
      })),
    };
    overToB(inventory, routing, split);
    routing.endSplit('promoted');
    const title = `everybody over to ${split.canary}`;
    return {
      title,
      phases: [looks, ...routing.flip(title), unfollowing(inventory, view)],
      from: split.baseline,
      to: split.canary,
    };
  });
}

/**
 * Everybody back to the baseline, with one flip; what the canary ran is ended. Also what one left that failed.
 * @param givenUp backends that did not come back when it was tried
 */
export function planAbort(
  inventory: Inventory,
  view: FleetView,
  author: Author,
  givenUp: ReadonlySet<string> = new Set(),
): Planned {
  const record = newestRecord(view);
  if (splitOf(record) === null) {
    const left = leftInPlace(inventory, view, givenUp, author);
    if (left !== undefined) return left;
    const ground = groundFor(inventory, view, []);
    if (ground !== undefined) return ground;
    const routing = new Routing(inventory, view, author, view.begun);
    const title = unsettled(inventory, view);
    const phases = title === undefined ? [] : routing.flip(title);
    return declaring(inventory, routing.missing, { title: title ?? 'no canary lives' }, phases, []);
  }
  const lives = splitOf(record);
  if (lives !== null && inPlace(lives)) return abortInPlace(inventory, view, lives, author);
  return withSplit(inventory, view, author, (split, routing) => {
    routing.endSplit('aborted');
    const title = `everybody back to ${split.baseline}`;
    return { title, phases: [...routing.flip(title), unfollowing(inventory, view)] };
  });
}

interface Done {
  readonly title: string;
  readonly phases: readonly Phase[];
  readonly notes?: readonly string[];
  readonly from?: string;
  readonly to?: string;
}

function withSplit(
  inventory: Inventory,
  view: FleetView,
  author: Author,
  plan: (split: Split, routing: Routing) => Done,
): Planned {
  const ground = groundFor(inventory, view, []);
  if (ground !== undefined) return ground;
  const split = splitOf(newestRecord(view));
  if (split === null)
    return refused(
      'No canary lives.',
      '`orchestrate canary 10%` begins one; `orchestrate canary report` tells of the last one.',
    );
  const routing = new Routing(inventory, view, author, view.begun);
  const { phases, notes = [], ...goal } = plan(split, routing);
  return declaring(inventory, routing.missing, goal, phases, notes);
}

/**
 * What every command ends with while a canary lives: the balancers are told what to do when nobody watches, and have ready what they then
 * need. Any later script of a command would take it back, so it comes last.
 */
export function arming(inventory: Inventory, view: FleetView, author: Author): Phase[] {
  const split = splitOf(newestRecord(view));
  if (split === null) return [];
  if (split.ab !== undefined) return ending(inventory, view, author, split, split.ab);
  if (split.unwatched === 'keep' || split.paused === true) return [];
  const { steps, calls } = wayBack(inventory, view, split, author).standby();
  const arm: RunStep = {
    kind: 'run',
    say: 'send everybody back when nobody watches for 2 minutes',
    script: 'arm',
    fence: inventory.nginx.folder,
    calls,
    deadline: SCRIPT_DEADLINE,
  };
  return [onBalancers(view, 'follow', 'the balancers are told what to do when nobody watches', ...steps, arm)];
}

/** What an A/B window comes to at its time, though nobody is there: everybody to one side. `ask`: nothing. */
function ending(
  inventory: Inventory,
  view: FleetView,
  author: Author,
  split: Split,
  { until, next }: NonNullable<Split['ab']>,
): Phase[] {
  if (next === 'ask') return [];
  const routing = wayBack(inventory, view, split, author);
  if (next === 'b') overToB(inventory, routing, split);
  const { steps, calls } = routing.standby('ended');
  const left = String(Math.max(0, Math.ceil((Date.parse(until) - Date.parse(author.at)) / 1000)));
  const arm: RunStep = {
    kind: 'run',
    say: `send everybody to ${next === 'b' ? split.canary : split.baseline} at ${until}`,
    script: 'arm',
    fence: inventory.nginx.folder,
    calls: calls.map(({ host, args }) => ({ host, args: [...args, left] })),
    deadline: SCRIPT_DEADLINE,
  };
  return [onBalancers(view, 'follow', 'the balancers are told what to do at the end of the A/B window', ...steps, arm)];
}

function overToB(inventory: Inventory, routing: Routing, { side, canary, baseline }: Split): void {
  for (const backend of inventory.backends) routing.moveOver(backend.name, armsOf(backend, side).canary, canary);
  routing.finish(canary, baseline);
}
