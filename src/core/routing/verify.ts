import type { Inventory } from '../inventory.ts';
import { serversOf, upstreamName } from './address.ts';
import { digestOf } from './configuration.ts';
import type { Group } from './groups.ts';
import { parseConfiguration, type ParsedConfiguration, type ParsedServer } from './parse.ts';

/**
 * Whether a configuration sends the traffic of these groups where the inventory says. Names prove nothing: a group whose address was
 * edited would take another machine out than the one that is about to be stopped.
 * @param text of the file whose digest the status server tells, so that it is what Nginx has loaded
 * @returns what is wrong, in sentences without the host's name; none: each group may be used
 */
export function verifyGroups(text: string, inventory: Inventory, groups: readonly Group[]): string[] {
  const verifier = verifierOf(text, inventory);
  return [...verifier.problems, ...groups.flatMap(verifier.group)];
}

/** As `verifyGroups`, for one group after another: the text is read once. */
export interface Verifier {
  /** What is wrong with the text as a whole; any of it means that no group of it may be used. */
  readonly problems: readonly string[];
  /** What is wrong with a group. */
  readonly group: (group: Group) => string[];
}

export function verifierOf(text: string, inventory: Inventory): Verifier {
  const parsed = parseConfiguration(text);
  if ('problem' in parsed) {
    const problem = `${inventory.nginx.file} can't be read: ${parsed.problem}`;
    return { problems: [problem], group: () => [] };
  }
  const problems: string[] = [];
  if (parsed.digest === null) {
    problems.push(`${inventory.nginx.file} has no digest of its own: it was not made by orchestrate`);
  } else if (digestOf(text, parsed.digest) !== parsed.digest) {
    problems.push(`${inventory.nginx.file} was edited after it was made`);
  }
  if (inventory.nginx.switch === 'live') problems.push(...mapProblems(parsed, inventory));
  return { problems, group: (group) => groupProblems(parsed, inventory, group) };
}

/** The groups of these that the text declares, whether rightly or not. */
export function declaredIn(text: string, inventory: Inventory, groups: readonly Group[]): Group[] {
  const parsed = parseConfiguration(text);
  if ('problem' in parsed) return [];
  return groups.filter((group) => declares(parsed, inventory, group.name));
}

function declares(parsed: ParsedConfiguration, inventory: Inventory, group: string): boolean {
  const name = upstreamName(group, inventory);
  const mapped = parsed.maps.get(`$${inventory.app}_upstream`)?.get(group);
  return parsed.upstreams.has(name) && (inventory.nginx.switch === 'reload' || mapped === name);
}

function mapProblems({ maps }: ParsedConfiguration, { app, nginx }: Inventory): string[] {
  const fallback = maps.get(`$${app}_upstream`)?.get('default');
  if (fallback === undefined) return [`${nginx.file} has no map for $${app}_upstream`];
  return fallback === `${app}-all`
    ? []
    : [`in ${nginx.file} the default of $${app}_upstream is ${fallback}, not ${app}-all`];
}

function groupProblems(parsed: ParsedConfiguration, inventory: Inventory, group: Group): string[] {
  const upstream = upstreamName(group.name, inventory);
  const servers = parsed.upstreams.get(upstream);
  if (servers === undefined || !declares(parsed, inventory, group.name))
    return [`the group ${group.name} is not declared`];
  const expected = serversOf(group, inventory);
  if (servers.map(line).join(';') === expected.map(line).join(';')) return [];
  const problems = expected.flatMap(({ name, address, parameters }) => {
    const found = servers.filter((server) => server.address === address);
    if (found.length === 0) return [`the upstream ${upstream} has no line for ${name} (${address})`];
    if (found.length > 1) return [`the upstream ${upstream} has ${found.length} lines for ${name} (${address})`];
    return found.some((server) => same(server, parameters))
      ? []
      : [
          `the upstream ${upstream} says "${[address, ...found[0]!.parameters].join(' ')};" for ${name}, the inventory "${[address, ...parameters].join(' ')};"`,
        ];
  });
  const strangers = servers.filter(({ address }) => !expected.some((backend) => backend.address === address));
  problems.push(
    ...strangers.map(
      ({ address }) => `the upstream ${upstream} sends to ${address}, which is no backend of the inventory`,
    ),
  );
  const order = servers.map(({ address }) => address).join();
  if (problems.length === 0 && order !== expected.map(({ address }) => address).join()) {
    problems.push(
      `the upstream ${upstream} has its lines in another order than the inventory, which moves what hashes chose`,
    );
  }
  return problems;
}

function line({ address, parameters }: ParsedServer): string {
  return [address, ...parameters.toSorted()].join(' ');
}

function same(server: ParsedServer, parameters: readonly string[]): boolean {
  return server.parameters.toSorted().join(' ') === parameters.toSorted().join(' ');
}
