import type { z } from 'zod';
import type { Inventory } from '../inventory.ts';
import { fillIn } from './defaults.ts';
import { readDocument } from './document.ts';
import type { Document } from './document.ts';
import { findingsOf, sayType } from './findings.ts';
import { readHosts } from './hosts.ts';
import { localTo } from './local.ts';
import type { Finding, Path, Problem } from './problem.ts';
import { showPath } from './problem.ts';
import { doubts, rules } from './rules.ts';
import { backend, balancer, sections } from './schema.ts';
import type { Sections } from './schema.ts';

export type ReadInventory =
  | { readonly ok: true; readonly inventory: Inventory; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

type Plain = Omit<Sections, 'balancers' | 'backends'>;

/**
 * Reads an inventory. `file` is what messages call it, and its folder is where relative local paths start; `home` is what `~` means.
 * Never throws: all that is wrong comes back at once, in the file's order.
 */
export function readInventory(text: string, file: string, home: string): ReadInventory {
  const document = readDocument(text, file);
  if (document.problems.length > 0) return { ok: false, problems: document.problems };
  const tell = teller(document, file);
  const raw = document.value;
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    const message =
      raw === null || raw === undefined
        ? 'the inventory is empty'
        : 'the inventory must be a mapping (keys with values)';
    return { ok: false, problems: tell([{ path: [], message }]) };
  }

  const { read, findings } = readSections(raw);
  const balancers = hostsIn('balancers', raw, document, balancer);
  const backends = hostsIn('backends', raw, document, backend);
  const known = { sections: read, balancers: balancers.hosts, backends: backends.hosts };
  const problems = tell([...findings, ...balancers.findings, ...backends.findings, ...rules(known)]);
  if (problems.length > 0 || !complete(read)) return { ok: false, problems };
  return { ok: true, inventory: fillIn(read, known, localTo(file, home)), warnings: tell(doubts(known)) };
}

/** What a section that is absent is, where it is no mapping. */
const EMPTY: Readonly<Record<string, unknown>> = {
  time_zone: 'UTC',
  windows_on_close: 'finish',
  windows: [],
  freezes: [],
  notify: [],
};

function readSections(raw: object): { read: Partial<Plain>; findings: Finding[] } {
  const findings: Finding[] = [];
  const read: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries<z.ZodType>(sections)) {
    if (key === 'balancers' || key === 'backends') continue;
    const written: unknown = Object.hasOwn(raw, key) ? Reflect.get(raw, key) : undefined;
    // A section whose lines are all comments is null: the same as none at all.
    const parsed = schema.safeParse(key === 'app' ? written : (written ?? EMPTY[key] ?? {}), { error: sayType });
    if (parsed.success) read[key] = parsed.data;
    else findings.push(...findingsOf(parsed.error, [key]));
  }
  const known = Object.keys(sections);
  const unknown = Object.keys(raw).filter((key) => !known.includes(key));
  if (unknown.length > 0)
    findings.push(...findingsOf({ issues: [{ code: 'unrecognized_keys', keys: unknown, path: [], message: '' }] }, []));
  return { read, findings };
}

const complete = (read: Partial<Plain>): read is Plain =>
  Object.keys(sections).every((key) => key === 'balancers' || key === 'backends' || Object.hasOwn(read, key));

function hostsIn<Entry>(
  section: 'balancers' | 'backends',
  raw: object,
  document: Document,
  schema: z.ZodType<Entry & { readonly address: string }>,
) {
  const map: unknown = Object.hasOwn(raw, section) ? Reflect.get(raw, section) : undefined;
  const isMap = typeof map === 'object' && map !== null && !Array.isArray(map);
  const placed = (isMap ? Object.keys(map) : []).map((key) => ({ key, ...document.place([section, key], 'key') }));
  const keys = placed.toSorted((a, b) => a.line - b.line || a.column - b.column).map(({ key }) => key);
  return readHosts(section, map, keys, schema);
}

function teller(document: Document, file: string) {
  const placed = ({ path, message, at }: Finding): Problem => ({
    file,
    ...document.place(path, at ?? 'value'),
    path: showPath(path),
    message,
  });
  return (findings: readonly (Finding & { path: Path })[]): Problem[] =>
    findings.map(placed).toSorted((a, b) => a.line - b.line || a.column - b.column);
}
