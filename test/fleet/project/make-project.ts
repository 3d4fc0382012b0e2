import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { text } from 'node:stream/consumers';

/**
 * The releases of the project `shop`. Each stands on `after` and differs from it by the files of its folder in
 * releases/ and by its name in shop/release.py, which every page and every X-Release header tells.
 */
const plan = {
  /** The first release: what the folder shop/ holds. */
  v1: { after: null, why: 'The shop' },
  /** Another page, another stylesheet, and a column more (nullable). */
  v2: { after: 'v1', why: 'Remember the channel of an order' },
  /** Code alone: the requirements, migrations and static files of v2. */
  v3: { after: 'v2', why: 'Call it the newer shop' },
  /** shop/wsgi.py imports a module that is not there: `manage.py check` is content, Gunicorn does not start. */
  'bad-import': { after: 'v2', why: 'Use the payments module' },
  /** It wants a lock file for itself: a second one on the host does not start. */
  exclusive: { after: 'v2', why: 'Send the mails from one process' },
  'bad-health-503': { after: 'v2', why: 'Ask the payment provider in the health check' },
  'bad-health-redirect': { after: 'v2', why: 'Require a login everywhere' },
  /** The stylesheet names a picture that is not there: collectstatic fails. */
  'bad-build': { after: 'v2', why: 'Give the heading a background' },
  /** A package that no index has. */
  'bad-requirements': { after: 'v2', why: 'Use a package' },
  /** RemoveField of what v1 and v2 write. */
  'bad-migration': { after: 'v2', why: 'Forget the channel of an order' },
  /** One page in twenty answers 500; the health check is content. */
  'errors-5pct': { after: 'v2', why: 'Add a defect' },
  /** Every page takes 150 ms more. */
  'slow-150ms': { after: 'v2', why: 'Add a slow query' },
} as const satisfies Record<string, { after: string | null; why: string }>;

export type ReleaseName = keyof typeof plan;

export const releaseNames: readonly ReleaseName[] = Object.keys(plan).filter(isReleaseName);

function isReleaseName(name: string): name is ReleaseName {
  return name in plan;
}

export interface Project {
  /** A git repository with `main` (v2) checked out; each release is a branch or, for v1 and v2, a tag of its name. */
  readonly folder: string;
  /** The commit of each release: 40 hex digits, the same on every machine. */
  readonly commits: Readonly<Record<ReleaseName, string>>;
  /** The path under /static/ of the stylesheet that each release's pages name, as in `orders/site.0123456789ab.css`. */
  readonly stylesheets: Readonly<Record<ReleaseName, string>>;
}

const stylesheet = 'orders/static/orders/site.css';

/**
 * Makes the Django project `shop` in `folder` (which must be empty or absent) as a git repository. Reads no git
 * configuration of the user or machine; author and dates are fixed. Rejects with git's words when git fails.
 */
export async function makeProject(folder: string): Promise<Project> {
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length > 0) throw new Error(`${folder} is not empty`);
  const trees = new Map<string, Map<string, Buffer>>();
  for (const name of releaseNames) {
    const { after } = plan[name];
    const below = after === null ? await filesOf('shop') : trees.get(after)!;
    const own = after === null ? [] : await filesOf(`releases/${name}`);
    trees.set(name, new Map([...below, ...own, ['shop/release.py', Buffer.from(`RELEASE = '${name}'\n`)]]));
  }
  const git = gitIn(folder);
  await git(['init', '--quiet', '--initial-branch=main'], '');
  await git(['fast-import', '--quiet', '--force'], fastImport(trees));
  await git(['checkout', '--quiet', '--force', 'main'], '');
  const heads = (await git(['rev-parse', ...releaseNames], '')).trim().split('\n');
  return {
    folder,
    commits: record((_, at) => heads[at]!),
    stylesheets: record((name) => hashedName(trees.get(name)!.get(stylesheet)!)),
  };
}

/** The name that ManifestStaticFilesStorage gives to a stylesheet that names no other file. */
function hashedName(content: Buffer): string {
  return `orders/site.${createHash('md5').update(content).digest('hex').slice(0, 12)}.css`;
}

function record(value: (name: ReleaseName, at: number) => string): Record<ReleaseName, string> {
  const found: Partial<Record<ReleaseName, string>> = {};
  releaseNames.forEach((name, at) => (found[name] = value(name, at)));
  if (!isWhole(found)) throw new Error('a release is missing');
  return found;
}

function isWhole(found: Partial<Record<ReleaseName, string>>): found is Record<ReleaseName, string> {
  return releaseNames.every((name) => found[name] !== undefined);
}

async function filesOf(part: string): Promise<Map<string, Buffer>> {
  const root = join(import.meta.dirname, part);
  const files = new Map<string, Buffer>();
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.parentPath.includes('__pycache__')) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(relative(root, path), await readFile(path));
  }
  return files;
}

/** All commits as one stream for `git fast-import`: no work tree to copy to and fro, and the same hashes everywhere. */
function fastImport(trees: ReadonlyMap<string, ReadonlyMap<string, Buffer>>): Buffer {
  const out: Buffer[] = [];
  const say = (line: string): unknown => out.push(Buffer.from(`${line}\n`));
  const data = (bytes: Buffer): unknown => (say(`data ${bytes.length}`), out.push(bytes), say(''));
  for (const [at, name] of releaseNames.entries()) {
    const { after, why } = plan[name];
    const isTag = name === 'v1' || name === 'v2';
    say(`commit ${isTag ? 'refs/heads/main' : `refs/heads/${name}`}`);
    say(`mark :${at + 1}`);
    say(`committer The Shop <shop@example.com> ${1_767_225_600 + at * 3600} +0000`);
    data(Buffer.from(`${why}\n`));
    if (after !== null) say(`from :${releaseNames.indexOf(after) + 1}`);
    say('deleteall');
    for (const [path, bytes] of [...trees.get(name)!].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      say(`M ${path === 'manage.py' ? '100755' : '100644'} inline ${path}`);
      data(bytes);
    }
    if (isTag) say(`reset refs/tags/${name}\nfrom :${at + 1}\n`);
  }
  return Buffer.concat(out);
}

function gitIn(folder: string): (args: string[], input: string | Buffer) => Promise<string> {
  return async (args, input) => {
    const env = { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1', HOME: folder };
    const child = spawn('git', args, { cwd: folder, env, stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin.on('error', () => {}).end(input);
    const closed = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
    const [code, stdout, stderr] = await Promise.all([closed, text(child.stdout), text(child.stderr)]);
    if (code !== 0) throw new Error(`git ${args[0]} ended with ${code}: ${stderr.trim()}`);
    return stdout;
  };
}
