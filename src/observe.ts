import { createHash } from 'node:crypto';
import type { FleetFacts, Seen } from './core/facts.ts';
import { stores } from './core/builder.ts';
import type { Backend, Host, Inventory } from './core/inventory.ts';
import { splitSocket } from './core/address.ts';
import { runFolder } from './core/service.ts';
import type { Outcome } from './core/outcome.ts';
import { succeeded } from './core/outcome.ts';
import { ending, tail } from './core/failure.ts';
import { parseBackendFacts } from './core/backend-facts.ts';
import { parseBalancerFacts } from './core/balancer-facts.ts';
import { readLogTail } from './core/routing/foreign.ts';
import { ConnectError, type Probe, type ProbeAnswer, type Remote } from './fleet/ports.ts';
import { script } from './fleet/scripts.ts';
import { eachHost } from './roll.ts';

const DEADLINE = 20_000;
/** Of the access log: enough to meet every location that is in use. */
const LOG_LINES = '2000';

/**
 * Reads what is so on all hosts at once, one script a host; on a balancer its status server is asked too. A host that can't be read is told,
 * not thrown. `rendered` is the configuration that the inventory asks for: a balancer that has it need not send it.
 */
export async function observe(
  inventory: Inventory,
  remote: Remote,
  probe: Probe,
  rendered: string,
): Promise<FleetFacts> {
  const digest = createHash('sha256').update(rendered).digest('hex');
  const { nginx, release, service, build, ssh } = inventory;
  const onBalancer = async ({ name }: Host): Promise<FleetFacts['balancers'][string]> => {
    const [seen, log, status, generation] = await Promise.all([
      read(remote, name, 'observe-balancer', [nginx.folder, nginx.file, digest, '-'], (stdout) =>
        parseBalancerFacts(stdout, rendered),
      ),
      read(remote, name, 'log-tail', [nginx.access_log, LOG_LINES, '-'], (stdout) => readLogTail(stdout, inventory)),
      statusServer(inventory, probe, name, '/'),
      statusServer(inventory, probe, name, '/generation'),
    ]);
    return seen.kind === 'seen' ? { kind: 'seen', facts: { ...seen.facts, status, generation, log } } : seen;
  };
  const onBackend = ({ name, slots }: Backend): Promise<FleetFacts['backends'][string]> => {
    const args = [
      release.root,
      runFolder(inventory),
      service.wrapper ? '-' : service.pid_file,
      build.python,
      ...slots.map(String),
    ];
    return read(remote, name, 'observe-backend', args, parseBackendFacts);
  };
  const [balancers, backends] = await Promise.all([
    eachHost(inventory.balancers, ssh.concurrency, async (host) => [host.name, await onBalancer(host)] as const),
    eachHost(stores(inventory), ssh.concurrency, async (host) => [host.name, await onBackend(host)] as const),
  ]);
  return { balancers: Object.fromEntries(balancers), backends: Object.fromEntries(backends) };
}

interface Misunderstood {
  readonly problem: string;
}

const misunderstood = (facts: object): facts is Misunderstood => 'problem' in facts;

async function read<F extends object>(
  remote: Remote,
  host: string,
  name: string,
  args: readonly string[],
  parse: (stdout: string) => F | Misunderstood,
): Promise<Seen<F>> {
  let outcome: Outcome;
  try {
    outcome = await remote.run({ host, name: `orchestrate-${name}`, text: script(name), args, deadline: DEADLINE });
  } catch (error) {
    if (error instanceof ConnectError) return { kind: 'unreachable', reason: `${error.message}. ${error.remedy}` };
    throw error;
  }
  if (!succeeded(outcome))
    return { kind: 'unreachable', reason: [`looking at it ${ending(outcome)}`, ...tail(outcome.stderr, 3)].join(': ') };
  const facts = parse(outcome.stdout);
  if (misunderstood(facts))
    return { kind: 'unreachable', reason: `what it told can't be understood: ${facts.problem}` };
  return { kind: 'seen', facts };
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
