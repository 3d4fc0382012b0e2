import { LOCAL, stores } from './builder.ts';
import type { FleetFacts } from './facts.ts';
import type { Inventory } from './inventory.ts';
import { clean } from './printable.ts';
import { runningRelease } from './slot-facts.ts';

/** What `releases` tells: every release that any backend has, or this machine where it builds, and where it stands there. */
export interface Releases {
  readonly app: string;
  /** Newest first. */
  readonly releases: readonly ReleaseRow[];
  readonly hosts: readonly HostReleases[];
}

export interface ReleaseRow {
  readonly release: string;
  readonly commit: string;
  readonly ref: string;
  readonly subject: string;
  readonly author: string;
  /** ISO 8601. */
  readonly built: string;
  /** Backends (and `local`: this machine) that have it complete; those whose processes run it; those whose links name it. */
  readonly on: readonly string[];
  readonly runs: readonly string[];
  readonly current: readonly string[];
  readonly previous: readonly string[];
}

export interface HostReleases {
  readonly host: string;
  /** Why the host could not be looked at; null: it was. */
  readonly unreachable: string | null;
  /** What its processes run; `unsure` where that can't be told; null: nothing. */
  readonly runs: string | null;
  readonly current: string | null;
  readonly previous: string | null;
  readonly complete: readonly string[];
  /** Half-made: garbage, unless somebody builds just now. */
  readonly incomplete: readonly string[];
}

/** Puts together what the backends told. */
export function releasesOf(inventory: Inventory, facts: FleetFacts): Releases {
  const hosts = stores(inventory).map(({ name, slots }): HostReleases => {
    const seen = facts.backends[name];
    if (seen?.kind !== 'seen')
      return {
        host: name,
        unreachable: seen?.reason ?? 'it was not looked at',
        runs: null,
        current: null,
        previous: null,
        complete: [],
        incomplete: [],
      };
    const { current, previous, releases, incomplete } = seen.facts;
    const running = slots.map((port) => runningRelease(seen.facts, port)).filter((release) => release !== null);
    return {
      host: name,
      unreachable: null,
      // Of two slots the one that serves: `current` follows it.
      runs: running.find((release) => release === current) ?? running[0] ?? null,
      current,
      previous,
      complete: releases.map(({ release }) => release),
      incomplete,
    };
  });
  const known = new Map(
    Object.values(facts.backends).flatMap((seen) =>
      seen.kind === 'seen' ? seen.facts.releases.map((each) => [each.release, each] as const) : [],
    ),
  );
  const where = (test: (host: HostReleases) => boolean): string[] => hosts.filter(test).map(({ host }) => host);
  const releases = [...known.values()]
    .toSorted((a, b) => (a.release < b.release ? 1 : -1))
    .map(({ release, commit, ref, subject, author, built }): ReleaseRow => ({
      release,
      commit,
      ref,
      subject,
      author,
      built,
      on: where((host) => host.complete.includes(release)),
      runs: where((host) => host.runs === release),
      current: where((host) => host.current === release),
      previous: where((host) => host.previous === release),
    }));
  return { app: inventory.app, releases, hosts };
}

const HEAD = ['RELEASE', 'BUILT (UTC)', 'COMMIT', 'ON', 'RUNS ON', 'CURRENT', 'PREVIOUS', 'SUBJECT'];

/** A table, and below it in sentences what does not fit in one. */
export function releasesLines({ app, releases, hosts }: Releases): string[] {
  const seen = hosts.filter(({ host, unreachable }) => host !== LOCAL && unreachable === null).length;
  const on = (names: readonly string[]): string => {
    const backends = names.filter((name) => name !== LOCAL);
    const all = backends.length === seen && seen > 1 ? [`all ${seen}`] : backends.length > 0 ? [listed(backends)] : [];
    return [...all, ...(names.includes(LOCAL) ? [LOCAL] : [])].join(' and ') || '-';
  };
  const rows = releases.map((row) => [
    row.release,
    row.built.slice(0, 16).replace('T', ' '),
    row.commit.slice(0, 7),
    on(row.on),
    on(row.runs),
    on(row.current),
    on(row.previous),
    row.subject.slice(0, 60),
  ]);
  const table = [HEAD, ...rows].map((row) => row.map(clean));
  const widths = HEAD.map((_, at) => Math.max(...table.map((row) => row[at]?.length ?? 0)));
  return [
    ...(releases.length === 0
      ? [`${app}: no release is on any host yet`]
      : table.map((row) =>
          row
            .map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0)))
            .join('  ')
            .trimEnd(),
        )),
    ...hosts.flatMap(({ host, unreachable, runs, current, incomplete }) => [
      ...(unreachable === null ? [] : [`${host} could not be looked at: ${unreachable}`]),
      ...(runs === 'unsure' ? [`${host}: which release runs can't be told (orchestrate check says why)`] : []),
      ...(runs !== null && runs !== 'unsure' && current !== null && runs !== current
        ? [`${host} runs ${runs}, and its link \`current\` names ${current}`]
        : []),
      ...(incomplete.length === 0
        ? []
        : [`${host} has half-made releases: ${incomplete.join(', ')} (orchestrate prune removes them)`]),
    ]),
  ].map(clean);
}

const listed = (names: readonly string[]): string =>
  names.length <= 4 ? names.join(',') : `${names.slice(0, 3).join(',')} +${names.length - 3}`;
