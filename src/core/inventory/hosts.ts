import type { z } from 'zod';
import { LOCAL } from '../builder.ts';
import { HOSTNAME, ipAddress } from './address.ts';
import { findingsOf, sayType } from './findings.ts';
import type { Finding, Path } from './problem.ts';
import { quoted } from './problem.ts';
import { expandRange } from './range.ts';
import { HOST_NAME, HOST_NAME_RULE } from './values.ts';

/** One host of the file, ranges expanded. */
export interface Written<Entry> {
  readonly name: string;
  readonly address: string;
  readonly entry: Entry;
  /** The entry that it comes from: several hosts of one range share it. */
  readonly path: Path;
}

export interface ReadHosts<Entry> {
  readonly hosts: readonly Written<Entry>[];
  readonly findings: readonly Finding[];
}

type EntrySchema<Entry> = z.ZodType<Entry & { readonly address: string }>;

/**
 * Reads `balancers` or `backends`. `keys` are the map's keys in the file's order (an object would put `10` before `9a`).
 * Entries that can't be read are left out of `hosts`, so that what is compared with them gives no second complaint.
 */
export function readHosts<Entry>(
  section: 'balancers' | 'backends',
  raw: unknown,
  keys: readonly string[],
  schema: EntrySchema<Entry>,
): ReadHosts<Entry> {
  const findings: Finding[] = [];
  const hosts: Written<Entry>[] = [];
  if (raw === undefined || raw === null || (typeof raw === 'object' && keys.length === 0 && !Array.isArray(raw)))
    return {
      hosts,
      findings: [{ path: [section], message: `is required: at least one host, such as ${EXAMPLE[section]}` }],
    };
  if (typeof raw !== 'object' || Array.isArray(raw))
    return {
      hosts,
      findings: [{ path: [section], message: `must be a mapping of hosts, such as ${EXAMPLE[section]}` }],
    };
  for (const key of keys) {
    const path = [section, key];
    const parsed = schema.safeParse(Reflect.get(raw, key), { error: sayType });
    const names = expandNames(key, path, findings);
    if (!parsed.success) {
      findings.push(...findingsOf(parsed.error, path));
      continue;
    }
    const addresses = expandAddresses(section, parsed.data.address, [...path, 'address'], findings);
    if (names === undefined || addresses === undefined) continue;
    if (names.length !== addresses.length) {
      const message = `stands for ${many(addresses.length, 'address', 'addresses')}, and ${quoted(key)} for ${many(names.length, 'host', 'hosts')}`;
      findings.push({ path: [...path, 'address'], message });
      continue;
    }
    for (const [index, name] of names.entries())
      hosts.push({ name, address: addresses[index] ?? '', entry: parsed.data, path });
  }
  return { hosts, findings: [...findings, ...duplicates(hosts)] };
}

const EXAMPLE = { balancers: '`lb1: { address: 10.0.0.10 }`', backends: '`web1: { address: 10.0.0.11 }`' } as const;

const many = (count: number, one: string, more: string): string => `${count} ${count === 1 ? one : more}`;

function expandNames(key: string, path: Path, findings: Finding[]): string[] | undefined {
  const expanded = expandRange(key);
  if (!expanded.ok) {
    findings.push({ path, message: `the name ${expanded.message}`, at: 'key' });
    return undefined;
  }
  const bad = expanded.words.find((name) => !HOST_NAME.test(name));
  if (bad !== undefined) findings.push({ path, message: `the name ${quoted(bad)} ${HOST_NAME_RULE}`, at: 'key' });
  if (expanded.words.includes(LOCAL))
    findings.push({ path, message: 'the name local is taken: build.builder means this machine by it', at: 'key' });
  return bad === undefined ? expanded.words : undefined;
}

function expandAddresses(
  section: 'balancers' | 'backends',
  address: string,
  path: Path,
  findings: Finding[],
): string[] | undefined {
  // An IPv6 address may be written as in a URL.
  const bare = /^\[([0-9A-Fa-f:]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\]$/.exec(address)?.[1] ?? address;
  const expanded = expandRange(bare);
  if (!expanded.ok) {
    findings.push({ path, message: expanded.message });
    return undefined;
  }
  const addresses: string[] = [];
  for (const word of expanded.words) {
    const read = ipAddress(word);
    if ('ip' in read) addresses.push(read.ip);
    // Digits and dots alone are an address with a slip, never a name.
    else if (section === 'balancers' && HOSTNAME.test(word) && !/^[\d.]+$/.test(word))
      addresses.push(word.toLowerCase());
    else {
      const name = section === 'backends' && HOSTNAME.test(word) && !/^[\d.]+$/.test(word);
      const why = name ? ': a backend needs one, since one name that does not resolve stops all of Nginx' : '';
      findings.push({ path, message: `${quoted(word)} ${read.not}${why}` });
      return undefined;
    }
  }
  return addresses;
}

function duplicates(hosts: readonly Written<unknown>[]): Finding[] {
  const findings: Finding[] = [];
  const names = new Set<string>();
  const addresses = new Map<string, string>();
  for (const { name, address, path } of hosts) {
    if (names.has(name)) findings.push({ path, message: `there is another ${name}`, at: 'key' });
    names.add(name);
    const other = addresses.get(address);
    if (other !== undefined && other !== name)
      findings.push({ path: [...path, 'address'], message: `${address} is the address of ${other} too` });
    addresses.set(address, other ?? name);
  }
  return findings;
}
