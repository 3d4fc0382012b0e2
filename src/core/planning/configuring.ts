import type { Inventory } from '../inventory.ts';
import type { Phase, RunStep } from '../plan.ts';

const SCRIPT_DEADLINE = 60_000;
/** How long a reload may take until its new workers serve. */
const RELOAD_SECONDS = 30;

/** Writes the balancers' configuration. `files`: sha256 of what was observed on each balancer, or `none`; anything else is refused there. */
export function install({ nginx, canary }: Inventory, files: ReadonlyMap<string, string>, text: string): RunStep {
  return {
    kind: 'run',
    say: `write ${nginx.file} on all balancers, tested`,
    script: 'configuration',
    fence: nginx.folder,
    calls: [...files].map(([host, observed]) => ({
      host,
      args: ['install', nginx.file, nginx.test, observed, '-', ...(canary.header === undefined ? [] : ['640'])],
    })),
    input: text,
    deadline: SCRIPT_DEADLINE,
    undo: 'the text before, which stays beside it',
  };
}

/** Forgets the text before. */
export function keep({ nginx }: Inventory, hosts: readonly string[]): RunStep {
  return {
    kind: 'run',
    say: 'forget the text before',
    script: 'configuration',
    fence: nginx.folder,
    calls: hosts.map((host) => ({ host, args: ['keep', nginx.file] })),
    deadline: SCRIPT_DEADLINE,
  };
}

/** Puts the text before back where one was written and never loaded. */
export function restoring({ nginx }: Inventory, hosts: readonly string[]): Phase {
  const step: RunStep = {
    kind: 'run',
    say: `put the former ${nginx.file} back, which Nginx has loaded`,
    script: 'configuration',
    fence: nginx.folder,
    calls: hosts.map((host) => ({ host, args: ['restore', nginx.file, nginx.test] })),
    deadline: SCRIPT_DEADLINE,
  };
  return { name: 'declare', title: 'the configuration as it was', tracks: [{ host: hosts.join(', '), steps: [step] }] };
}

export function reload({ nginx }: Inventory, hosts: readonly string[]): RunStep {
  return {
    kind: 'run',
    say: 'reload Nginx, and see its new workers serve',
    script: 'reload',
    fence: nginx.folder,
    calls: hosts.map((host) => ({ host, args: [nginx.reload, String(RELOAD_SECONDS), '-', nginx.file] })),
    deadline: RELOAD_SECONDS * 1000 + SCRIPT_DEADLINE,
    reloads: hosts.length,
  };
}

/** Lets the clients' connections end, once a closing generation serves. */
export function quiesce({ nginx }: Inventory, hosts: readonly string[]): RunStep {
  const seconds = Math.ceil(nginx.keepalive_timeout / 1000) + 1;
  return {
    kind: 'run',
    say: 'wait until the clients have let go of their connections, so that the reload cuts nobody off',
    script: 'quiesce',
    calls: hosts.map((host) => ({ host, args: [String(seconds), '-', nginx.status] })),
    deadline: seconds * 1000 + SCRIPT_DEADLINE,
  };
}

/**
 * An old worker goes on sending where its configuration says, until it has answered what it had begun. `proceed`: for so long at the most;
 * what is left then is said, and no failure.
 */
export function oldWorkers(
  { drain }: Inventory,
  hosts: readonly string[],
  atDeadline: 'fail' | 'proceed' = 'fail',
): RunStep {
  return {
    kind: 'run',
    say: 'wait until the old workers have answered what they had begun',
    script: 'old-workers',
    calls: hosts.map((host) => ({ host, args: [String(Math.ceil(drain.deadline / 1000)), '-', atDeadline] })),
    deadline: drain.deadline + SCRIPT_DEADLINE,
  };
}
