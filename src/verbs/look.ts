import { LOCAL } from '../core/builder.ts';
import { missing, ok, type Check } from '../core/checks.ts';
import { readLines, type Lines } from '../core/checks/lines.ts';
import { ending, tail } from '../core/failure.ts';
import type { Backend, Host, Inventory } from '../core/inventory.ts';
import { succeeded } from '../core/outcome.ts';
import { readLogTail, type LogTail } from '../core/routing/foreign.ts';
import { runFolder, WRAPPER } from '../core/service.ts';
import { ConnectError } from '../fleet/ports.ts';
import type { Opened } from '../open.ts';

const DEADLINE = 60_000;
/** Lines of the access log in which locations outside the routing are looked for. */
const LINES = '5000';

/** What one host says of itself, for `check`. */
export interface Look {
  readonly host: string;
  /** How connecting went. */
  readonly ssh: Check;
  /** null: nothing could be learned. */
  readonly lines: Lines | null;
}

export const lookAtBalancer = (opened: Opened, host: Host): Promise<Look> =>
  look(opened, host, 'check-balancer', balancerArgs(opened.inventory));

export const lookAtBackend = (opened: Opened, host: Backend): Promise<Look> =>
  look(opened, host, 'check-backend', backendArgs(opened.inventory, host));

async function look({ remote, script }: Opened, { name }: Host, what: string, args: readonly string[]): Promise<Look> {
  try {
    const outcome = await remote.run({
      host: name,
      name: `orchestrate-${what}`,
      text: script(what),
      args,
      deadline: DEADLINE,
    });
    const lines = readLines(outcome.stdout);
    if (succeeded(outcome)) return { host: name, ssh: ok(`ssh as ${lines.one('user') ?? '?'}`), lines };
    const said = tail(outcome.stderr, 3).join(' · ');
    return {
      host: name,
      ssh: missing(
        `ssh works, and looking at it ${ending(outcome)}${said === '' ? '' : `: ${said}`}`,
        'see what a login there prints and does: its shell must be one that runs sh',
      ),
      lines: null,
    };
  } catch (error) {
    if (error instanceof ConnectError)
      return { host: name, ssh: missing(`ssh: ${error.message}`, error.remedy), lines: null };
    throw error;
  }
}

function balancerArgs({ app, nginx, build }: Inventory): string[] {
  const { publish, command } = build.static;
  const published = command !== null && publish.to === 'balancers' ? publish.path : '-';
  const test = nginx.configuration === 'managed' ? nginx.test : '-';
  return [nginx.folder, nginx.file, nginx.access_log, app, published, test, '-', '-'];
}

function backendArgs(inventory: Inventory, { name, slots }: Backend): string[] {
  const { release, service, build } = inventory;
  const { publish, command } = build.static;
  const unit =
    service.manager !== 'systemd' ? '-' : service.wrapper ? `${service.name}@${slots[0] ?? 0}` : service.name;
  return [
    release.root,
    runFolder(inventory),
    service.wrapper ? '-' : service.pid_file,
    build.builder === name ? build.python : '-',
    `${release.root}/shared/${release.env_file}`,
    command !== null && publish.to === 'backends' && name !== LOCAL ? publish.path : '-',
    service.name,
    '-',
    WRAPPER,
    unit,
    ...slots.map(String),
  ];
}

/** What was asked of the balancer since its newest worker started: what came before went by a configuration that is gone. */
export async function logTail({ inventory, remote, script }: Opened, { host, lines }: Look): Promise<LogTail | null> {
  const since = lines?.one('since');
  if (since === undefined || lines?.one('log')?.startsWith('readable') !== true) return null;
  const args = [inventory.nginx.access_log, LINES, since];
  const outcome = await remote.run({
    host,
    name: 'orchestrate-log-tail',
    text: script('log-tail'),
    args,
    deadline: DEADLINE,
  });
  return succeeded(outcome) ? readLogTail(outcome.stdout, inventory) : null;
}
