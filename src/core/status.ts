import type { Inventory } from './inventory.ts';
import { LOCAL } from './builder.ts';
import { changedByHand } from './planning/by-hand.ts';
import { inHand, NEW } from './planning/hand.ts';
import { standings } from './standing.ts';
import { idleOf, newestLease, newestRecord, type BackendView, type FleetView } from './fleet.ts';
import { runs } from './planning/prevailing.ts';
import { splitOf, splitWords } from './split.ts';

/** What `status` tells: what runs where, who is in rotation and why not, and everything that is not as it should be, in words. */
export interface Status {
  readonly app: string;
  /** 0: one release, healthy, nothing drifted; 4: otherwise. */
  readonly exit: 0 | 4;
  readonly backends: readonly BackendStatus[];
  readonly balancers: readonly BalancerStatus[];
  /** Sentences. */
  readonly drift: readonly string[];
  /** A roll that was begun and is not finished. */
  readonly unfinished: string | null;
  /** Two releases side by side, where that is so: a sentence. */
  readonly canary: string | null;
  /** Releases to which going back takes no time, since they run on: where, and until when (ISO 8601). */
  readonly back: readonly { readonly release: string; readonly on: readonly string[]; readonly until: string }[];
  /** Somebody holds the lease: it may be finished in a moment. */
  readonly atWork: boolean;
}

export interface BackendStatus {
  readonly name: string;
  readonly rotation: 'in' | 'out' | 'not recorded';
  readonly reason: string | null;
  readonly since: string | null;
  /** What its processes really run. */
  readonly running: string | null;
  /** The port on which that serves, where it has two slots; else null. */
  readonly slot: number | null;
  readonly current: string | null;
  /** `healthy`, or what was answered; null where it was not asked. */
  readonly health: string | null;
}

export interface BalancerStatus {
  readonly name: string;
  readonly generation: number | null;
  /** Whether Nginx's workers resolve that generation. */
  readonly serves: boolean;
}

/**
 * Puts together what was observed. `health` holds what each backend answered: `healthy`, or other words; `now`: milliseconds since the
 * epoch. Pure.
 */
export function statusOf(
  inventory: Inventory,
  view: FleetView,
  health: Readonly<Record<string, string>>,
  now: number,
): Status {
  const record = newestRecord(view);
  const backends = inventory.backends.map(({ name }): BackendStatus => {
    const seen = view.backends[name];
    const known = record?.backends[name];
    return {
      name,
      rotation: known?.rotation ?? (record === null ? 'not recorded' : 'out'),
      reason: known?.reason ?? (known === undefined && record !== null ? NEW : null),
      since: known?.since ?? null,
      running: seen?.kind === 'seen' ? seen.running : null,
      slot: seen?.kind === 'seen' && seen.slots.length > 1 ? seen.slot : null,
      current: seen?.kind === 'seen' ? seen.current : null,
      health: health[name] ?? null,
    };
  });
  const balancers = inventory.balancers.map(({ name }): BalancerStatus => {
    const seen = view.balancers[name];
    return { name, generation: seen?.kind === 'seen' ? seen.live : null, serves: seen?.kind === 'seen' && seen.serves };
  });
  const split = splitOf(record);
  const drift = [
    ...inventory.balancers.flatMap(({ name }) => balancerDrift(name, view)),
    ...unequal(view),
    ...(record?.table['stable']?.startsWith('closing-') === true
      ? ['a reload was begun and not ended: every request pays for a new connection until the next roll or rollback']
      : []),
    ...inventory.backends.flatMap(({ name }) => backendDrift(name, view.backends[name], health[name])),
    ...(view.begun === null && split === null
      ? inventory.backends.flatMap(({ name }) => idleDrift(name, view.backends[name]))
      : []),
    // A canary's own hosts run what they are to run.
    ...mixed(backends.filter(({ name }) => split?.hosts?.includes(name) !== true)),
    ...backends.flatMap(({ name, rotation, reason }) =>
      rotation === 'out' && inHand(reason ?? undefined)
        ? [
            reason === NEW
              ? `${name} is new, and out of rotation until its first roll`
              : `${name} is out of rotation by nobody's word (${reason}): the next roll puts it back`,
          ]
        : [],
    ),
  ];
  const unfinished = unfinishedOf(view);
  return {
    app: inventory.app,
    exit: drift.length > 0 || unfinished !== null || split !== null ? 4 : 0,
    backends,
    balancers,
    drift,
    unfinished,
    canary:
      split === null
        ? null
        : split.ab !== undefined
          ? `A/B until ${split.ab.until}: A is ${split.baseline}, B is ${split.canary} for ${split.share} % of the users; ${split.by} began \`${split.command}\` at ${split.at}`
          : `${split.canary}${split.hosts === undefined ? '' : ` on ${split.hosts.join(', ')}`} beside ${split.baseline}, ${splitWords(split)}; ${split.by} began \`${split.command}\` at ${split.at}`,
    back: waysBack(view, now),
    atWork: (newestLease(view)?.remaining ?? 0) > 0,
  };
}

/** What was begun: who, with what, when, how far it came, and whether somebody is at it right now. */
function unfinishedOf(view: FleetView): string | null {
  const { begun } = view;
  const newest = newestLease(view);
  const atWork = newest !== null && newest.remaining > 0 ? newest.lease : undefined;
  if (begun === null) {
    const intent = atWork?.details.intent;
    return intent === undefined
      ? null
      : `${atWork?.details.by} is at work with \`${intent.command}\` since ${intent.at}`;
  }
  const hosts = begun.hosts.length > 0 ? begun.hosts : Object.keys(view.backends).filter((name) => name !== LOCAL);
  const far = `${hosts.filter((name) => runs(view, name) === begun.to).length} of its ${hosts.length} hosts run ${begun.to}`;
  const told = `${begun.by} began \`${begun.command}\` at ${begun.at}`;
  return atWork === undefined
    ? `${told} and has not finished it: ${far}`
    : `${told}: ${far}; ${atWork.details.by} is at it now`;
}

function balancerDrift(name: string, view: FleetView): string[] {
  const seen = view.balancers[name];
  if (seen === undefined) return [];
  if (seen.kind === 'unreachable') return [`${name} could not be looked at: ${seen.reason}`];
  return [
    ...seen.problems.map(({ says }) => `${name}: ${says}`),
    ...(seen.unloaded
      ? [`${name} has a configuration that was written and never loaded: the next \`roll\` or \`rollback\` settles it`]
      : []),
  ];
}

/** Why the balancers are not all at one generation, each; where a hand changed them, who routes what, and the ways out. */
function unequal(view: FleetView): string[] {
  const byHand = changedByHand(view);
  if (byHand !== undefined) return [...byHand.details, byHand.next];
  return [...standings(view).values()].flatMap((each) => (each.kind === 'level' ? [] : [each.says]));
}

function backendDrift(name: string, seen: BackendView | undefined, health: string | undefined): string[] {
  if (seen === undefined) return [];
  if (seen.kind === 'unreachable') return [`${name} could not be looked at: ${seen.reason}`];
  const lines = seen.problems.map(({ says }) => `${name}: ${says}`);
  if (seen.running === null) lines.push(`${name} runs no release`);
  else if (seen.running === 'unsure')
    lines.push(`${name}: what it runs can't be told, its code was started through the link \`current\``);
  else if (seen.running !== seen.current && seen.slots.length === 1)
    lines.push(
      `${name} runs ${seen.running}, but its link \`current\` names ${seen.current ?? 'nothing'}: it was not restarted since`,
    );
  if (health !== undefined && health !== 'healthy') lines.push(`${name} is not healthy: ${health}`);
  return lines;
}

/** What the other slot of a backend runs and should not, in sentences. */
function idleDrift(name: string, backend: BackendView | undefined): string[] {
  const idle = idleOf(backend);
  if (backend?.kind !== 'seen' || idle === undefined) return [];
  const lines: string[] = [];
  if (idle.running === 'unsure')
    lines.push(`${name}: something listens on port ${idle.port}, and it is no release that can be told`);
  else if (idle.lingers === 0)
    lines.push(
      `${name}: ${idle.running ?? 'what lingered'} on port ${idle.port} should have ended by now; the next command that changes something ends it`,
    );
  else if (idle.lingers === null && (idle.running ?? idle.link) !== null)
    lines.push(
      `${name}: ${idle.running ?? idle.link} was left on port ${idle.port}, where nothing is sent; the next command that changes something sees to it`,
    );
  if (idle.running !== 'unsure' && backend.running !== null && backend.running !== backend.current)
    lines.push(
      `${name} serves ${backend.running}, and its link \`current\` still names ${backend.current ?? 'nothing'}; the next command that changes something sees to it`,
    );
  return lines;
}

function waysBack(view: FleetView, now: number): Status['back'] {
  const lingers = Object.entries(view.backends).flatMap(([name, backend]) => {
    const { running = null, lingers: left = null } = idleOf(backend) ?? {};
    return running === null || running === 'unsure' || left === null || left === 0 ? [] : [{ name, running, left }];
  });
  return [...Map.groupBy(lingers, ({ running }) => running)].map(([release, some]) => ({
    release,
    on: some.map(({ name }) => name),
    until: new Date(now + Math.floor(Math.min(...some.map(({ left }) => left)) * 1000)).toISOString(),
  }));
}

function mixed(backends: readonly BackendStatus[]): string[] {
  const groups = Map.groupBy(
    backends.filter(({ running }) => running !== null && running !== 'unsure'),
    ({ running }) => running,
  );
  if (groups.size < 2) return [];
  return [
    `the fleet is mixed: ${[...groups].map(([release, hosts]) => `${release ?? ''} on ${hosts.map(({ name }) => name).join(', ')}`).join('; ')}`,
  ];
}
