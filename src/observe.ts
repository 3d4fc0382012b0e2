import type { Inventory } from './core/inventory.ts';
import { splitSocket } from './core/address.ts';
import type { Outcome } from './core/outcome.ts';
import { succeeded } from './core/outcome.ts';
import { ending, tail } from './core/failure.ts';
import { parseBackendFacts, type BackendFacts } from './core/backend-facts.ts';
import { parseBalancerFacts, type BalancerFacts } from './core/balancer-facts.ts';
import { ConnectError, type Probe, type ProbeAnswer, type Remote } from './fleet/ports.ts';
import { script } from './fleet/scripts.ts';
import { eachHost } from './roll.ts';

/** What was read, or why it could not be. */
export type Seen<F> = { readonly kind: 'seen'; readonly facts: F } | { readonly kind: 'unreachable'; readonly reason: string };

/** The fleet's facts, as read: a plain value. */
export interface FleetFacts {
  readonly balancers: Readonly<Record<string, Seen<BalancerFacts & { readonly status: ProbeAnswer; readonly generation: ProbeAnswer }>>>;
  readonly backends: Readonly<Record<string, Seen<BackendFacts>>>;
}

const DEADLINE = 20_000;

/** Reads what is so on all hosts at once, one script a host; on a balancer its status server is asked too. Does not reject for a host that can't be read. */
export async function observe(inventory: Inventory, remote: Remote, probe: Probe): Promise<FleetFacts> {
  const { nginx, release, service, app } = inventory;
  const balancers = inventory.balancers.map((balancer) => async () => {
    const [facts, status, generation] = await Promise.all([
      read(
        remote,
        balancer.name,
        'observe-balancer',
        [nginx.folder, nginx.file, nginx.access_log],
        parseBalancerFacts,
      ),
      statusServer(inventory, probe, balancer.name, '/'),
      statusServer(inventory, probe, balancer.name, '/generation'),
    ]);
    const seen = facts.kind === 'seen' ? { ...facts, facts: { ...facts.facts, status, generation } } : facts;
    return { of: 'balancers', name: balancer.name, seen } as const;
  });
  const backends = inventory.backends.map((backend) => async () => {
    const args = [release.root, app, service.wrapper ? '-' : service.pid_file, ...backend.slots.map(String)];
    return { of: 'backends', name: backend.name, seen: await read(remote, backend.name, 'observe-backend', args, parseBackendFacts) } as const;
  });
  const all = await eachHost([...balancers, ...backends], inventory.ssh.concurrency, (look) => look());
  return {
    balancers: Object.fromEntries(all.flatMap((each) => (each.of === 'balancers' ? [[each.name, each.seen]] : []))),
    backends: Object.fromEntries(all.flatMap((each) => (each.of === 'backends' ? [[each.name, each.seen]] : []))),
  };
}

async function read<F>(
  remote: Remote,
  host: string,
  name: string,
  args: readonly string[],
  parse: (stdout: string) => F | { readonly problem: string },
): Promise<Seen<F>> {
  let outcome: Outcome;
  try {
    outcome = await remote.run({ host, name: `orchestrate-${name}`, text: script(name), args, deadline: DEADLINE });
  } catch (error) {
    if (error instanceof ConnectError) return { kind: 'unreachable', reason: `${error.message} ${error.remedy}` };
    throw error;
  }
  if (!succeeded(outcome))
    return { kind: 'unreachable', reason: [`looking at it ${ending(outcome)}`, ...tail(outcome.stderr, 3)].join(': ') };
  const facts = parse(outcome.stdout);
  if (typeof facts === 'object' && facts !== null && 'problem' in facts)
    return { kind: 'unreachable', reason: `what it told can't be understood: ${facts.problem}` };
  return { kind: 'seen', facts: facts as F };
}

/** Asks a balancer's own status server, through ssh: what its workers really serve. */
function statusServer(inventory: Inventory, probe: Probe, through: string, path: string): Promise<ProbeAnswer> {
  return probe.ask({
    through,
    ...splitSocket(inventory.nginx.status),
    path,
    host: `orchestrate-${inventory.app}`,
    headers: {},
    timeout: 3000,
  });
}
