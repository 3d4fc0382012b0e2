import { createHash } from 'node:crypto';
import type { Answer, FleetFacts, Seen } from './facts.ts';
import type { BalancerFacts } from './balancer-facts.ts';
import { lingering, runningRelease, type BackendFacts } from './backend-facts.ts';
import {
  begunOn,
  newestOf,
  newestRecord,
  withServing,
  type BackendView,
  type BalancerView,
  type FleetView,
  type LeaseView,
  type Lines,
  type Problem,
  type SlotView,
} from './fleet.ts';
import { LOCAL, stores } from './builder.ts';
import { lapsed, remaining } from './lease.ts';
import type { Backend, Host, Inventory } from './inventory.ts';
import type { GenerationRecord } from './record.ts';
import type { LogTail } from './routing/foreign.ts';
import { splitSocket } from './address.ts';
import { serverAddress } from './routing/address.ts';
import { digestOf, hasHeader, readable, sameHeader } from './routing/configuration.ts';
import type { Group } from './routing/groups.ts';
import { groupOfLane } from './routing/lanes.ts';
import { parseConfiguration } from './routing/parse.ts';
import { verifierOf, type Verifier } from './routing/verify.ts';
import { generationName } from './planning/generation-steps.ts';

/** What decides, made of what was observed. Pure. */
export function viewOf(
  inventory: Inventory,
  facts: FleetFacts,
  configuration: FleetView['configuration'],
  seal?: FleetView['seal'],
): FleetView {
  const balancers = Object.fromEntries(
    inventory.balancers.map((host) => [
      host.name,
      balancerView(inventory, host, facts.balancers[host.name], configuration),
    ]),
  );
  const view: FleetView = {
    configuration,
    ...(seal === undefined ? {} : { seal }),
    begun: begunOn({ balancers }),
    balancers,
    backends: Object.fromEntries(
      stores(inventory).map((backend) => [backend.name, backendView(inventory, backend, facts.backends[backend.name])]),
    ),
  };
  return withServing(view, newestRecord(view));
}

function balancerView(
  inventory: Inventory,
  { ssh }: Host,
  seen: FleetFacts['balancers'][string] | undefined,
  configuration: FleetView['configuration'],
): BalancerView {
  if (seen?.kind !== 'seen') return { kind: 'unreachable', reason: seen?.reason ?? 'it was not looked at' };
  const { facts } = seen;
  const { status, generation } = facts;
  const loaded = loadedConfiguration(inventory, facts, status);
  const serves =
    facts.live !== null &&
    generation.kind === 'answered' &&
    generation.body.trim() === `${inventory.nginx.folder}/generations/${generationName(facts.live)}/self`;
  return {
    kind: 'seen',
    token: Math.max(facts.fence?.token ?? 0, facts.lease?.token ?? 0),
    live: facts.live,
    link: facts.link,
    highest: facts.highest,
    serves,
    record: facts.record,
    good: goodRecord(facts),
    digests: facts.prepared,
    vouched: facts.flipped !== null && facts.edits.length === 0,
    sends: loaded.text === null ? null : sendsTo(inventory, loaded.text, facts, serves),
    edits: facts.edits,
    lease: leaseView(facts),
    file: facts.text === null ? 'none' : createHash('sha256').update(facts.text).digest('hex'),
    unloaded: facts.former && loaded.text === null,
    ...(loaded.text !== null && otherHeader(inventory, loaded.text, configuration) ? { stale: true as const } : {}),
    declares: loaded.text === null ? () => false : declarer(inventory, loaded.text),
    problems: [
      ...facts.problems
        .filter((says) => !facts.edits.includes(says))
        .map((says) => ({
          says,
          next: 'Look at it by hand: what orchestrate did not write, it does not overwrite.',
        })),
      ...folderProblems(inventory, facts, ssh.user),
      ...loaded.problems,
      ...logProblems(inventory, facts.log),
      ...(loaded.text !== null && facts.live !== null && !serves ? [unserved(inventory, facts.live, generation)] : []),
      ...(facts.upgrading
        ? [
            {
              says: 'a binary upgrade of Nginx is under way (nginx.pid.oldbin)',
              next: 'Finish the upgrade (QUIT to the old master), then try again.',
            },
          ]
        : []),
    ],
  };
}

/** Whether a text lets another header choose a canary's side than the inventory does. */
function otherHeader(inventory: Inventory, text: string, configuration: FleetView['configuration']): boolean {
  const { app, canary, nginx } = inventory;
  if (nginx.switch === 'reload') return false;
  return canary.header === undefined ? hasHeader(text, app) : !sameHeader(text, configuration([]), app);
}

function leaseView({ lease, boot, uptime }: BalancerFacts): LeaseView | null {
  const now = { boot, uptime };
  return lease === null ? null : { lease, remaining: remaining(lease, now), died: lapsed(lease, now) };
}

interface Loaded {
  /** The text that Nginx's workers run; null where that can't be said. */
  readonly text: string | null;
  readonly problems: readonly Problem[];
}

/**
 * The file's text is what Nginx has loaded only if the status server tells the digest that the text tells of itself. What the roll itself
 * puts right, where it may (`managed`), is no problem: a file that is missing, or is ours and was never loaded.
 */
function loadedConfiguration(inventory: Inventory, facts: BalancerFacts, status: Answer): Loaded {
  const { nginx, app } = inventory;
  const not = (says: string, next: string): Loaded => ({ text: null, problems: [{ says, next }] });
  const declared = (says: string, next: string): Loaded =>
    nginx.configuration === 'managed' ? { text: null, problems: [] } : not(says, next);
  const install = `Install what \`orchestrate init --print upstream\` prints as ${nginx.file}, include it at http level, and reload Nginx.`;
  if (facts.text === null)
    return facts.file === 'missing'
      ? declared(`${nginx.file} is not there`, install)
      : not(`${nginx.file} can't be read`, `As root on that balancer: ${readable(inventory, "the ssh user's group")}`);
  const parsed = parseConfiguration(facts.text);
  if ('problem' in parsed || parsed.digest === null || digestOf(facts.text, parsed.digest) !== parsed.digest)
    return not(
      `${nginx.file} was edited after it was made: what its groups send where can't be relied on`,
      nginx.configuration === 'managed'
        ? `Put the change into nginx.template, and the edited file out of the way (mv ${nginx.file} ${nginx.file}.edited): the next roll writes it anew.`
        : install,
    );
  if (status.kind !== 'answered') {
    const says = `the status server ${nginx.status} does not answer: ${status.reason}`;
    const next = `See that Nginx runs, include ${nginx.file} at http level of nginx.conf and reload; sshd there must allow AllowTcpForwarding.`;
    // Before the first generation it may be that nothing was ever loaded.
    return facts.live === null ? declared(says, next) : not(says, next);
  }
  const told = toldBy(status.body);
  if (told === undefined || told.app !== app)
    return not(
      `${nginx.status} is answered by ${told === undefined ? `something else (status ${status.status})` : `the app ${told.app}`}`,
      `Nothing else on that Nginx may answer there as orchestrate-${app}: \`nginx -T | grep -n 'listen.*${splitSocket(nginx.status).port}'\` shows who does; or choose another nginx.status.`,
    );
  if (parsed.digest !== told.configuration)
    return declared(
      `${nginx.file} (${parsed.digest}) is not what Nginx has loaded (${told.configuration})`,
      'Somebody changed the file or did not reload: restore it, or test it and reload Nginx.',
    );
  return { text: facts.text, problems: [] };
}

function toldBy(body: string): { readonly app: string; readonly configuration: string } | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null || !('app' in value) || !('configuration' in value))
      return undefined;
    return { app: String(value.app).slice(0, 40), configuration: String(value.configuration).slice(0, 40) };
  } catch {
    return undefined;
  }
}

function declarer(inventory: Inventory, text: string): (group: Group, of?: Inventory) => boolean {
  const verifiers = new Map<Inventory, Verifier>();
  return (group, of = inventory) => {
    const verifier = verifiers.get(of) ?? verifierOf(text, of);
    verifiers.set(of, verifier);
    return verifier.problems.length === 0 && verifier.group(group).length === 0;
  };
}

/** What a hand changed does not count: then the newest of the other generations that once served here. */
function goodRecord({ record, kept, flipped, prepared, edits, live }: BalancerFacts): GenerationRecord | null {
  const served = (number: number): boolean => flipped === null || number <= flipped.number;
  const written = (number: number): boolean => number !== flipped?.number || prepared.get(number) === flipped.sum;
  const own = record !== null && served(record.generation) && written(record.generation) ? [record] : [];
  if (edits.length === 0) return record;
  const former = kept.filter(({ generation }) => generation !== live && served(generation) && written(generation));
  return newestOf([...own, ...former]);
}

/** Where a balancer sends by the text that Nginx has loaded and the links as they are. */
function sendsTo(
  inventory: Inventory,
  text: string,
  { lanes }: BalancerFacts,
  serves: boolean,
): ReadonlyMap<string, Lines> | null {
  const parsed = parseConfiguration(text);
  if ('problem' in parsed) return null;
  const group = serves ? groupOfLane(lanes['stable'] ?? '') : '';
  const map = parsed.maps.get(`$${inventory.app}_upstream`);
  const upstream = inventory.nginx.switch === 'reload' ? inventory.app : (map?.get(group) ?? map?.get('default') ?? '');
  const servers = parsed.upstreams.get(upstream);
  if (servers === undefined) return null;
  const marks = new Map(servers.map(({ address, parameters }) => [address, parameters.includes('down')]));
  return new Map(
    inventory.backends.map((backend) => {
      const ports = backend.slots.filter((port) => marks.has(serverAddress(backend, port)));
      return [backend.name, { ports, out: ports.every((port) => marks.get(serverAddress(backend, port)) !== false) }];
    }),
  );
}

function folderProblems({ nginx }: Inventory, facts: BalancerFacts, user = 'USER'): Problem[] {
  if (facts.folder === 'writable') return [];
  return [
    {
      says: `the routing folder ${nginx.folder} ${facts.folder === 'missing' ? 'is not there' : "can't be written"}`,
      next: `As root on that balancer: install -d -m 711 -o ${user} ${nginx.folder}${user === 'USER' ? ' (USER: as whom ssh logs in)' : ''}`,
    },
  ];
}

/** A location that passes to a backend by a fixed name, or has a root of its own, would go on sending to a host that is out. */
function logProblems({ nginx, app }: Inventory, log: Seen<LogTail>): Problem[] {
  if (log.kind !== 'seen')
    return [
      {
        says: `its access log can't be read, so what passes by the routing can't be seen: ${log.reason}`,
        next: `Let the ssh user read ${nginx.access_log} (group adm on Debian), written by the site with: access_log ${nginx.access_log} orchestrate_${app};`,
      },
    ];
  return log.facts.foreign.slice(0, 5).map(({ backend, passes, host, uri, requests }) => ({
    says: `${requests} of the latest requests (as ${host}${uri}) reached ${backend} outside the routing, by ${passes}`,
    next: 'Give that location the lines of `location /` in the site (`orchestrate init --print site`) and no root of its own, then reload Nginx.',
  }));
}

function unserved({ nginx }: Inventory, live: number, generation: { readonly kind: string }): Problem {
  return {
    says:
      generation.kind === 'answered'
        ? `its workers do not resolve generation ${live}, so every request falls to the group all`
        : `its status server does not tell the generation`,
    next: `The worker's user must be able to pass (x) every folder on the way to ${nginx.folder}; \`namei -l ${nginx.folder}/live/stable\` shows them.`,
  };
}

function backendView(inventory: Inventory, backend: Backend, seen: Seen<BackendFacts> | undefined): BackendView {
  if (seen?.kind !== 'seen') return { kind: 'unreachable', reason: seen?.reason ?? 'it was not looked at' };
  const { facts } = seen;
  // This machine has none: it only builds.
  const slot = backend.slots[0] ?? 0;
  const builds = inventory.build.builder === backend.name;
  return {
    kind: 'seen',
    token: facts.fence?.token ?? 0,
    slot,
    running: runningRelease(facts, slot),
    slots: backend.slots.map((port) => slotView(facts, port)),
    oneWay: facts.oneWay,
    current: facts.current,
    previous: facts.previous,
    releases: facts.releases,
    python: facts.python ?? '',
    platform: facts.platform ?? '',
    virtualenvs: facts.virtualenvs,
    problems: [
      ...facts.problems.map((says) => ({
        says,
        next: 'Look at it by hand: what orchestrate did not write, it does not overwrite.',
      })),
      ...(facts.root.state === 'foreign' || facts.root.state === 'missing'
        ? [
            {
              says: `${inventory.release.root} ${facts.root.state === 'missing' ? 'is not there' : `can't be written by ${facts.user}`}`,
              next: `As root on ${backend.name === LOCAL ? 'this machine' : 'that backend'}: install -d -o ${facts.user} ${inventory.release.root}`,
            },
          ]
        : []),
      ...(builds && facts.python === null
        ? [
            {
              says: `${inventory.build.python} is not there, and this host builds`,
              next: 'Install it, or set build.python or build.builder.',
            },
          ]
        : []),
      ...facts.lacks.map((command) => ({
        says: `it lacks the command ${command}`,
        next: `Install what has ${command} on that host.`,
      })),
    ],
  };
}

function slotView(facts: BackendFacts, port: number): SlotView {
  const slot = facts.slots.find((each) => each.port === port);
  return {
    port,
    running: runningRelease(facts, port),
    link: slot?.serves ?? null,
    lingers: slot === undefined ? null : lingering(slot, facts),
  };
}
