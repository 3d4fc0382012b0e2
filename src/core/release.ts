import { createHash } from 'node:crypto';
import { z } from 'zod';
import { parseJson } from './json.ts';

/** `YYYYMMDD-HHMM-<7 hex>`: sorts by age, names its commit, and is safe in a path, a shell and Nginx. */
export const RELEASE_NAME = /^\d{8}-\d{4}-[0-9a-f]{7}$/;

/** The name of the release that is made of a commit now. `now` in milliseconds since the epoch; the name is in UTC. */
export function releaseName(now: number, commit: string): string {
  const [date = '', time = ''] = new Date(now).toISOString().split('T');
  return `${date.replaceAll('-', '')}-${time.slice(0, 5).replace(':', '')}-${commit.slice(0, 7)}`;
}

const manifest = z.object({
  version: z.literal(1),
  /** Its own name: a folder copied by hand under another name is seen. */
  release: z.string().regex(RELEASE_NAME),
  commit: z.string().regex(/^[0-9a-f]{40,64}$/),
  /** The ref that was asked for. */
  ref: z.string(),
  subject: z.string(),
  author: z.string(),
  /** The commit's date and the build's, ISO 8601. */
  committed: z.string(),
  built: z.string(),
  /** The virtual environment's key. */
  virtualenv: z.string().regex(/^[0-9a-f]{16}$/),
});

/** What `release.json` in a release's folder says. Written last, so that a folder which has it is complete. */
export type Release = z.infer<typeof manifest>;

/** Reads a release.json that a host printed: the release, or what is wrong with it in words. */
export function parseRelease(text: string): { readonly release: Release } | { readonly problem: string } {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    return { problem: 'release.json is not JSON' };
  }
  const read = manifest.safeParse(value);
  if (read.success) return { release: read.data };
  const issue = read.error.issues[0];
  return { problem: `release.json: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not as expected'}` };
}

/** The text of a release.json; `built: '@now'` is filled in when the step runs. */
export const formatRelease = (value: Release): string => `${JSON.stringify(value)}\n`;

export interface VirtualenvContent {
  /** Requirements files as of the commit, nested ones too. */
  readonly files: readonly { readonly path: string; readonly text: string }[];
  /** What pip installs from the code itself: path and git's own hash of it. */
  readonly local: readonly { readonly path: string; readonly hash: string }[];
  /** The builder's `sys.version` in short, as `3.11.2`. */
  readonly python: string;
  /** The builder's `sysconfig.get_platform()` and C library. */
  readonly platform: string;
  readonly venvArgs: readonly string[];
  readonly commands: readonly string[];
}

const byPath = (a: { path: string }, b: { path: string }): number => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);

/**
 * The key under which a virtual environment is kept, 16 hex digits: equal content, equal key, so it is built once, shipped only where
 * it lacks, and never changed. The requirements files count whole, comments too: two keys for one content cost a build, one key for
 * two contents would serve the wrong packages.
 */
export function virtualenvKey(content: VirtualenvContent): string {
  const canonical = JSON.stringify([
    content.files.map(({ path, text }) => ({ path, text })).toSorted(byPath),
    content.local.map(({ path, hash }) => ({ path, hash })).toSorted(byPath),
    content.python,
    content.platform,
    content.venvArgs,
    content.commands,
  ]);
  return createHash('sha256').update(canonical).digest('hex').slice(0, 16);
}
