import { parseRelease, RELEASE_NAME, type Release } from './release.ts';
import { linkedRelease, slotsOf, type SlotFacts } from './slot-facts.ts';

export { lingering, runningRelease } from './slot-facts.ts';
export type { ProcessFacts, SlotFacts } from './slot-facts.ts';

/** What observe-backend.sh saw. */
export interface BackendFacts {
  readonly boot: string;
  /** Seconds since boot. */
  readonly uptime: number;
  /** Whom ssh logs in as; the service must run as the same. */
  readonly user: string;
  /** `3.11.2`; null: the inventory's interpreter is not there. */
  readonly python: string | null;
  /** `linux-x86_64 glibc 2.36` */
  readonly platform: string | null;
  /** Commands that every script relies on and that are not there. */
  readonly lacks: readonly string[];
  readonly root: {
    /** `creatable`: it is not there, and could be made; `foreign`: it is there, and is not ours to write to. */
    readonly state: (typeof ROOT_STATES)[number];
    /** Without symbolic links. */
    readonly path: string;
  };
  /** Of root's file system; null where it can't be told. */
  readonly free: { readonly bytes: number; readonly inodes: number } | null;
  readonly fence: { readonly token: number; readonly sequence: number; readonly holder: string } | null;
  /** The release that brought a migration which is not additive, if any did. */
  readonly oneWay: string | null;
  /** The releases that the links name. */
  readonly current: string | null;
  readonly previous: string | null;
  /** Complete ones (so is their virtual environment), oldest first. */
  readonly releases: readonly Release[];
  /** Folders of releases that are not: garbage, unless somebody builds just now. */
  readonly incomplete: readonly string[];
  /** Keys of the complete ones. */
  readonly virtualenvs: readonly string[];
  /** The folder of the wrapper's pid files. */
  readonly run: 'writable' | 'foreign' | 'missing';
  readonly slots: readonly SlotFacts[];
  /** What of all this can't be so, in sentences without the host's name. */
  readonly problems: readonly string[];
}

const ROOT_STATES = ['writable', 'foreign', 'creatable', 'missing'] as const;

/** Reads what observe-backend.sh printed. It is untrusted: what can't be understood becomes a problem, or the problem, never an exception. */
export function parseBackendFacts(output: string): BackendFacts | { readonly problem: string } {
  const lines = output.split('\n').map((line): [string, string] => {
    const space = line.indexOf(' ');
    return space < 0 ? [line, ''] : [line.slice(0, space), line.slice(space + 1)];
  });
  const all = (key: string): string[] => lines.flatMap(([name, value]) => (name === key ? [value] : []));
  const one = (key: string): string | null => all(key)[0] ?? null;

  const boot = one('boot');
  const uptime = number(one('uptime'));
  const path = /^[a-z]+ (\/.*)$/.exec(one('root') ?? '')?.[1];
  const state = ROOT_STATES.find((each) => one('root')?.startsWith(`${each} `) === true);
  if (boot === null || uptime === null || path === undefined || state === undefined)
    return { problem: 'it tells no uptime, or nothing of its folders' };

  const problems: string[] = [];
  const virtualenvs = all('virtualenv');
  const incomplete = all('incomplete').filter((name) => RELEASE_NAME.test(name));
  const releases = all('release').flatMap((value): Release[] => {
    const name = value.split(' ', 1)[0] ?? '';
    if (!RELEASE_NAME.test(name)) return [];
    const read = parseRelease(value.slice(name.length + 1));
    if ('problem' in read) problems.push(`${name}: ${read.problem}`);
    else if (read.release.release !== name) problems.push(`the folder ${name} holds release ${read.release.release}`);
    else if (virtualenvs.includes(read.release.virtualenv)) return [read.release];
    else problems.push(`${name} has lost its virtual environment ${read.release.virtualenv}`);
    incomplete.push(name);
    return [];
  });
  const link = (key: string): string | null => {
    const target = one(key);
    const release = target === null ? null : linkedRelease(target, path);
    if (target !== null && release === null) problems.push(`the link ${key} names no release: ${target}`);
    return release;
  };
  const current = link('current');
  const [, bytes, inodes] = /^(\d{1,15}) (\d{1,15})$/.exec(one('free') ?? '') ?? [];
  const [, token, sequence, holder] = /^(\d{1,15}) (\d{1,15}) (\S+)$/.exec(one('fence') ?? '') ?? [];
  const python = /^\d+\.\d+\S*$/.exec(one('python') ?? '')?.[0] ?? null;
  return {
    boot,
    uptime,
    user: one('user') ?? '',
    python,
    platform: python === null ? null : one('platform'),
    lacks: all('lacks'),
    root: { state, path },
    free: bytes === undefined ? null : { bytes: Number(bytes), inodes: Number(inodes) },
    fence: holder === undefined ? null : { token: Number(token), sequence: Number(sequence), holder },
    oneWay: RELEASE_NAME.test(one('one-way') ?? '') ? one('one-way') : null,
    current,
    previous: link('previous'),
    releases: releases.toSorted((a, b) => (a.release < b.release ? -1 : 1)),
    incomplete: incomplete.toSorted(),
    virtualenvs,
    run: (['writable', 'foreign'] as const).find((each) => each === one('run')) ?? 'missing',
    slots: slotsOf(lines, path, current),
    problems,
  };
}

const number = (text: string | null): number | null =>
  text !== null && /^\d{1,15}(\.\d+)?$/.test(text) ? Number(text) : null;
