import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { isAbsolute, join, posix, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { Refusal } from '../core/failure.ts';
import type { Inventory } from '../core/inventory.ts';
import { readRequirements } from '../core/requirements.ts';
import type { VirtualenvContent } from '../core/release.ts';
import { openArchive } from './archive.ts';
import { git, GitError } from './git.ts';

export interface Commit {
  /** 40 hex digits. */
  readonly commit: string;
  readonly subject: string;
  readonly author: string;
  /** ISO 8601, the committer's date. */
  readonly date: string;
}

/** The project's git repository on the operator's side. What is not committed does not exist here. */
export interface Source {
  /** Where it is, for messages. */
  readonly name: string;
  /** Rejects with `Refusal` (exit 2) when there is no such branch, tag or commit. */
  resolve(ref: string): Promise<Commit>;
  /** A file's text as of a commit; null where there is none. The path is relative to the source's folder. */
  file(commit: string, path: string): Promise<string | null>;
  /** The requirements file with all that it pulls in, for the virtual environment's key. Rejects with `Refusal`. */
  requirements(commit: string, path: string): Promise<Pick<VirtualenvContent, 'files' | 'local'>>;
  /** What a person should know before this commit is shipped: uncommitted changes, submodules, files in LFS. */
  warnings(commit: string): Promise<string[]>;
  /** Bytes of the stream that `archive` gives. */
  size(commit: string): Promise<number>;
  /** The commit's files as tar.gz with its digest behind (src/remote/receive.sh reads it). Each call is a new stream. */
  archive(commit: string): Readable;
}

/** Without the password that a URL may hold: what is said of it goes to logs. */
const shownUrl = (source: string): string => source.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, '$1…@');

/** A URL, or ssh's short form user@host:path. */
const isUrl = (source: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(source) || /^[\w.-]+@[\w.-]+:/.test(source);

/**
 * Opens the source of an inventory: a folder (relative to `folder`, the inventory's own) or a URL, which is mirrored below `cacheDir`
 * and brought up to date. Rejects with `Refusal` (exit 2) in words when it is no git repository or can't be fetched.
 */
export async function openSource(
  build: Pick<Inventory['build'], 'source'>,
  cacheDir: string,
  folder = '.',
): Promise<Source> {
  const { source } = build;
  if (source.startsWith('-')) throw refuse(`build.source ${source} is no path and no URL`, 'Write a path or a URL.');
  const place = isUrl(source) ? await mirror(source, cacheDir) : resolve(folder, source);
  let bare: boolean;
  try {
    bare = (await git(place, ['rev-parse', '--is-bare-repository'])).trim() === 'true';
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    throw refuse(
      /dubious ownership/.test(error.stderr)
        ? `git does not trust ${place}: it belongs to another user`
        : `${place} is not a git repository`,
      /dubious ownership/.test(error.stderr)
        ? `git config --global --add safe.directory ${place}`
        : 'Set build.source to the folder or URL of the project’s git repository; releases are made of commits.',
      [error.stderr.trim()],
    );
  }
  return new GitSource(shownUrl(source), place, bare, join(cacheDir, 'archives'));
}

const refuse = (message: string, next: string, details: readonly string[] = []): Refusal =>
  new Refusal(2, message, next, details);

async function mirror(url: string, cacheDir: string): Promise<string> {
  const place = join(cacheDir, `${createHash('sha256').update(url).digest('hex').slice(0, 16)}.git`);
  await mkdir(cacheDir, { recursive: true, mode: 0o700 });
  try {
    // Made empty and then fetched into: a fetch that was cut is simply fetched again, a clone would be half there.
    await git(cacheDir, ['init', '--quiet', '--bare', place]);
    await git(place, ['fetch', '--quiet', '--prune', '--force', '--', url, '+refs/*:refs/*']);
    return place;
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    throw refuse(`${shownUrl(url)} can’t be fetched`, 'Try `git ls-remote` with that URL from this machine.', [
      error.stderr.trim().replaceAll(url, shownUrl(url)),
    ]);
  }
}

class GitSource implements Source {
  readonly name: string;
  readonly #place: string;
  readonly #bare: boolean;
  readonly #archives: string;
  constructor(name: string, place: string, bare: boolean, archives: string) {
    this.name = name;
    this.#place = place;
    this.#bare = bare;
    this.#archives = archives;
  }

  async resolve(ref: string): Promise<Commit> {
    // git would read a ref that begins with a dash as an option, and the others are its own syntax for ranges.
    if (ref === '' || ref.startsWith('-') || /[^!-\u{10ffff}]|[\p{C}\p{Z}]|\.\./u.test(ref)) throw this.#noRef(ref, '');
    try {
      const commit = (
        await git(this.#place, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`])
      ).trim();
      const [subject = '', author = '', date = ''] = (
        await git(this.#place, ['show', '--no-patch', '--no-show-signature', '--format=%s%x00%an%x00%cI', commit])
      )
        .trimEnd()
        .split('\0');
      return { commit, subject, author, date };
    } catch (error) {
      if (error instanceof GitError) throw this.#noRef(ref, error.stderr.trim());
      throw error;
    }
  }

  #noRef(ref: string, said: string): Refusal {
    return refuse(
      `${this.name} has no branch, tag or commit “${ref}”`,
      'Commit it, fetch it, or name another with --ref.',
      said === '' ? [] : [said],
    );
  }

  async file(commit: string, path: string): Promise<string | null> {
    const blob = await this.#hash(commit, path);
    return blob === null ? null : git(this.#place, ['cat-file', 'blob', blob]);
  }

  /** git's hash of a file or folder as of a commit. */
  async #hash(commit: string, path: string): Promise<string | null> {
    const inside = posix.normalize(path);
    if (isAbsolute(inside) || inside.startsWith('..')) return null;
    // In a work tree ./ is the source's own folder, which may be one of several in its repository.
    const from = inside === '.' ? './' : `./${inside.replace(/\/$/, '')}`;
    try {
      const name = this.#bare ? `${commit}:${from.slice(2)}` : `${commit}:${from}`;
      return (await git(this.#place, ['rev-parse', '--verify', '--quiet', '--end-of-options', name])).trim();
    } catch (error) {
      if (error instanceof GitError) return null;
      throw error;
    }
  }

  async requirements(commit: string, path: string): Promise<Pick<VirtualenvContent, 'files' | 'local'>> {
    const files = new Map<string, string>();
    const local = new Map<string, string>();
    const visit = async (name: string, by: string): Promise<void> => {
      const inside = posix.normalize(name);
      if (files.has(inside)) return;
      const text = await this.file(commit, inside);
      if (text === null) {
        throw refuse(
          `commit ${commit.slice(0, 7)} has no file ${inside}, which ${by} names`,
          'Commit it, or correct what names it.',
        );
      }
      files.set(inside, text);
      const said = readRequirements(text);
      if (said.editable[0] !== undefined) {
        throw refuse(
          `${inside}: -e ${said.editable[0]} would tie the virtual environment, which releases share, to the folder of one`,
          'Leave out the -e: the package is then installed anew whenever its files change.',
        );
      }
      for (const each of said.local) {
        const hash = await this.#hash(commit, each);
        if (hash !== null) local.set(posix.normalize(each), hash);
      }
      for (const each of said.nested) await visit(posix.join(posix.dirname(inside), each), inside);
    };
    await visit(path, 'build.requirements');
    return {
      files: [...files].map(([name, text]) => ({ path: name, text })),
      local: [...local].map(([name, hash]) => ({ path: name, hash })),
    };
  }

  async warnings(commit: string): Promise<string[]> {
    const warnings: string[] = [];
    if (
      !this.#bare &&
      (await git(this.#place, ['status', '--porcelain', '--untracked-files=no', '--', '.'])).trim() !== ''
    ) {
      warnings.push(`${this.name} has uncommitted changes: they are not shipped`);
    }
    if ((await this.file(commit, '.gitmodules')) !== null)
      warnings.push('the commit has submodules: their files are not shipped');
    if (/filter=lfs/.test((await this.file(commit, '.gitattributes')) ?? '')) {
      warnings.push('the commit has files in Git LFS: their pointers are shipped, not the files');
    }
    return warnings;
  }

  async size(commit: string): Promise<number> {
    return (await openArchive(this.#place, commit, this.#archives)).bytes;
  }

  archive(commit: string): Readable {
    const [place, folder] = [this.#place, this.#archives];
    return Readable.from(
      (async function* () {
        yield* (await openArchive(place, commit, folder)).open();
      })(),
      { objectMode: false },
    );
  }
}
