import { createHash } from 'node:crypto';
import type { BackendFacts } from '../core/backend-facts.ts';
import { HERE, missing, note, ok, reportOf, type Check, type CheckReport } from '../core/checks.ts';
import { accessLogChecks } from '../core/checks/access-log.ts';
import { backendChecks } from '../core/checks/backend.ts';
import { balancerChecks } from '../core/checks/balancer.ts';
import { reachCheck } from '../core/checks/reach.ts';
import { routingChecks } from '../core/checks/routing.ts';
import { serviceChecks } from '../core/checks/service.ts';
import { sudoChecks } from '../core/checks/sudo.ts';
import { windowChecks } from '../core/checks/windows.ts';
import { LOCAL, stores } from '../core/builder.ts';
import type { FleetFacts } from '../core/facts.ts';
import { Refusal } from '../core/failure.ts';
import type { Inventory } from '../core/inventory.ts';
import type { LogTail } from '../core/routing/foreign.ts';
import { quote } from '../fleet/quote.ts';
import { template } from '../fleet/templates.ts';
import { healthRequest } from '../health-request.ts';
import { observe } from '../observe.ts';
import type { Opened } from '../open.ts';
import { eachHost } from '../roll.ts';
import { toldChecks } from './check-told.ts';
import { logTail, lookAtBackend, lookAtBalancer, type Look } from './look.ts';

/**
 * Connects everywhere and tests every right and path that a roll will need. Changes nothing on any host. Does not reject for what it
 * finds; rejects with `Refusal` (exit 2) only where the inventory's template can't be used.
 */
export async function checkFleet(opened: Opened): Promise<CheckReport> {
  const { inventory, remote, probe } = opened;
  const rendered = opened.configuration([]);
  const runner = createHash('sha256').update(template('run-slot.sh', opened.file)).digest('hex');

  const [balancers, backends, here] = await Promise.all([
    eachHost(inventory.balancers, inventory.ssh.concurrency, (host) => lookAtBalancer(opened, host)),
    eachHost(stores(inventory), inventory.ssh.concurrency, (host) => lookAtBackend(opened, host)),
    ownSide(opened),
  ]);
  const reached = {
    ...inventory,
    balancers: inventory.balancers.filter(({ name }) => reachedBy(balancers).has(name)),
    backends: inventory.backends.filter(({ name }) => reachedBy(backends).has(name)),
  };
  const [facts, tails] = await Promise.all([
    observe(reached, remote, probe, rendered),
    eachHost(balancers, inventory.ssh.concurrency, async (each) => [each.host, await logTail(opened, each)] as const),
  ]);

  const found = new Map<string, Check[]>([[HERE, here]]);
  const add = (host: string, checks: readonly Check[]): void =>
    void found.set(host, [...(found.get(host) ?? []), ...checks]);
  for (const each of balancers)
    add(each.host, onBalancer(inventory, each, facts, new Map(tails).get(each.host) ?? null, rendered));
  for (const each of backends) {
    // A machine that is both told how ssh went already.
    const [ssh, ...rest] = onBackend(inventory, each, facts, runner);
    const host = each.host === LOCAL ? HERE : each.host;
    add(host, ssh === undefined || (ssh.verdict === 'ok' && found.has(host)) ? rest : [ssh, ...rest]);
  }
  for (const [host, checks] of await reach(opened, reached, facts)) add(host, checks);
  return reportOf(
    inventory,
    new Map([...found].map(([host, checks]) => [host, checks.map((check) => runnable(check, opened.file))])),
  );
}

const reachedBy = (looks: readonly Look[]): Set<string> =>
  new Set(looks.flatMap((each) => (each.lines === null ? [] : [each.host])));

function onBalancer(
  inventory: Inventory,
  { host, ssh, lines }: Look,
  facts: FleetFacts,
  tailed: LogTail | null,
  wanted: string,
): Check[] {
  if (lines === null) return [ssh];
  const seen = facts.balancers[host];
  if (seen?.kind !== 'seen')
    return [ssh, missing(seen?.reason ?? 'it could not be looked at', 'look at that host, then check again')];
  const user = lines.one('user') ?? 'the ssh user';
  return [
    ssh,
    ...routingChecks(inventory, seen.facts, lines, wanted),
    ...balancerChecks(inventory, seen.facts, lines),
    ...sudoChecks(inventory, user, lines),
    ...accessLogChecks(inventory, user, lines, tailed),
  ];
}

function onBackend(inventory: Inventory, { host, ssh, lines }: Look, facts: FleetFacts, runner: string): Check[] {
  const backend = stores(inventory).find(({ name }) => name === host);
  if (lines === null || backend === undefined) return [ssh];
  const seen = facts.backends[host];
  if (seen?.kind !== 'seen')
    return [ssh, missing(seen?.reason ?? 'it could not be looked at', 'look at that host, then check again')];
  const builder = facts.backends[inventory.build.builder];
  const built: BackendFacts | null = builder?.kind === 'seen' ? builder.facts : null;
  return [
    ssh,
    ...backendChecks(inventory, backend, seen.facts, built, lines),
    ...(host === LOCAL ? [] : serviceChecks(inventory, backend, seen.facts, lines, runner)),
  ];
}

/** Each backend's port, asked from each place that a roll will ask from. */
async function reach(
  { inventory, probe }: Opened,
  reached: Inventory,
  facts: FleetFacts,
): Promise<[string, Check[]][]> {
  const { health } = inventory;
  return eachHost(reached.backends, inventory.ssh.concurrency, async (backend) => {
    const seen = facts.backends[backend.name];
    const places =
      health.from === 'balancer'
        ? reached.balancers.map(({ name }) => name)
        : [health.from === 'backend' ? backend.name : undefined];
    const checks = await Promise.all(
      backend.slots.flatMap((port) =>
        places.map(async (through): Promise<Check> => {
          const running =
            seen?.kind === 'seen' ? seen.facts.slots.some((slot) => slot.port === port && slot.listening) : null;
          const answer = await probe.ask(healthRequest(inventory, backend, port, through));
          return reachCheck(inventory, backend, port, through ?? HERE, answer, running);
        }),
      ),
    );
    return [backend.name, checks];
  });
}

/** The repository, the ref that a roll would take, what is told to others, and when a roll may begin. */
async function ownSide(opened: Opened): Promise<Check[]> {
  const { inventory, clock } = opened;
  const { build } = inventory;
  const told = [
    ...opened.doubts.map((doubt) => note(doubt, 'change it in the inventory, if that is not meant')),
    ...(await toldChecks(opened)),
    ...windowChecks(inventory, clock.now(), clock.zone()),
  ];
  try {
    const source = await opened.source();
    const { commit, subject } = await source.resolve(build.ref);
    await source.requirements(commit, build.requirements);
    return [ok(`build.ref ${build.ref} is ${commit.slice(0, 7)} (${subject}), and has ${build.requirements}`), ...told];
  } catch (error) {
    if (error instanceof Refusal) return [missing(error.message, error.next), ...told];
    throw error;
  }
}

/** A line to be run here names the inventory, where it is not the usual one. */
function runnable(check: Check, file: string): Check {
  if (check.mend === null || file === 'inventory.yaml') return check;
  return {
    ...check,
    mend: check.mend.replace(
      /\borchestrate (?=(?:init|prune)\b)/,
      () => `orchestrate -i ${/^[\w./-]+$/.test(file) ? file : quote(file)} `,
    ),
  };
}
