import type { Host, Inventory } from './inventory.ts';
import { clean } from './printable.ts';

/** One thing that was looked at. `note`: nothing that a roll would miss, and yet worth knowing. */
export interface Check {
  readonly verdict: 'ok' | 'missing' | 'note';
  readonly says: string;
  /** The line that mends it: a command with where it is to be run, or a key of the inventory. */
  readonly mend: string | null;
}

export interface HostChecks {
  readonly host: string;
  readonly address: string;
  readonly roles: readonly ('balancer' | 'backend')[];
  readonly checks: readonly Check[];
}

/** What `check` tells. */
export interface CheckReport {
  readonly app: string;
  /** 0: nothing is missing; 3: a roll would be refused or would fail. */
  readonly exit: 0 | 3;
  readonly hosts: readonly HostChecks[];
}

export const ok = (says: string): Check => ({ verdict: 'ok', says, mend: null });
export const missing = (says: string, mend: string): Check => ({ verdict: 'missing', says, mend });
export const note = (says: string, mend: string | null = null): Check => ({ verdict: 'note', says, mend });

/** What is found on the operator's own side goes under this name, which no host can have. */
export const HERE = 'this machine';

/** What was found on each host, by name, put in the inventory's order; a machine that is both has one entry. */
export function reportOf(inventory: Inventory, found: ReadonlyMap<string, readonly Check[]>): CheckReport {
  const machines = new Map<string, Host>();
  for (const host of [...inventory.balancers, ...inventory.backends]) machines.set(host.name, host);
  const hosts = [...machines.values()].map(({ name, address }): HostChecks => {
    const roles: HostChecks['roles'][number][] = [];
    if (inventory.balancers.some((each) => each.name === name)) roles.push('balancer');
    if (inventory.backends.some((each) => each.name === name)) roles.push('backend');
    return { host: name, address, roles, checks: found.get(name) ?? [] };
  });
  const here = found.get(HERE);
  if (here !== undefined) hosts.unshift({ host: HERE, address: '', roles: [], checks: here });
  const exit = hosts.some(({ checks }) => checks.some(({ verdict }) => verdict === 'missing')) ? 3 : 0;
  return { app: inventory.app, exit, hosts };
}

const WORD = { ok: 'ok     ', missing: 'MISSING', note: 'note   ' } as const;

/** A report as lines for people. What hosts printed is made safe to show. */
export function reportLines(report: CheckReport): string[] {
  const all = report.hosts.flatMap(({ checks }) => checks);
  const count = all.filter(({ verdict }) => verdict === 'missing').length;
  const where = report.hosts.flatMap(({ host, checks }) =>
    checks.some(({ verdict }) => verdict === 'missing') ? [host] : [],
  );
  const end =
    count === 0
      ? `Nothing is missing: ${report.app} can be rolled. Nothing was changed.`
      : `${count === 1 ? 'One thing is' : `${count} things are`} missing, on ${where.join(', ')}. Nothing was changed; mend, and check again.`;
  return [
    ...report.hosts.flatMap(({ host, address, roles, checks }) => [
      roles.length === 0 ? host : `${host} (${address}), ${roles.join(' and ')}`,
      ...checks.flatMap(({ verdict, says, mend }) => [
        `  ${WORD[verdict]}  ${clean(says)}`,
        ...(mend === null ? [] : [`           mend: ${clean(mend)}`]),
      ]),
    ]),
    end,
  ];
}
