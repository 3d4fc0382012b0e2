import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { GitError, gitEnvironment } from './git.ts';

export interface Archive {
  /** Length of the stream. */
  readonly bytes: number;
  open(): Readable;
}

const KEPT = 3;

/**
 * The files of a commit as tar.gz, followed by 64 hex digits of its SHA-256 and a newline: the receiver sees whether all of it came.
 * Made once, in `folder`, so that its size is known before anything is sent and a git that fails does so before any host is touched.
 * Rejects with `GitError`.
 */
export async function openArchive(repository: string, commit: string, folder: string): Promise<Archive> {
  // One commit may be asked for by two folders of one repository.
  const place = createHash('sha256').update(repository).digest('hex').slice(0, 12);
  const file = join(folder, `${commit}-${place}.tar.gz`);
  const made = await stat(file).catch(() => null);
  if (made === null) await make(repository, commit, folder, file);
  const { size } = made ?? (await stat(file));
  return { bytes: size, open: () => createReadStream(file) };
}

async function make(repository: string, commit: string, folder: string, file: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const temporary = join(folder, `.${commit}.${randomBytes(6).toString('hex')}`);
  const child = spawn('git', ['-C', repository, 'archive', '--format=tar', commit], {
    env: gitEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  try {
    const [, code] = await Promise.all([
      pipeline(child.stdout, createGzip(), signed(), createWriteStream(temporary, { mode: 0o600 })),
      ended,
    ]);
    if (code !== 0) throw new GitError(['archive'], said);
    await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
  await forget(folder);
}

/** Passes bytes on and puts their digest behind them. */
function signed(): Transform {
  const hash = createHash('sha256');
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
    flush(done) {
      done(null, `${hash.digest('hex')}\n`);
    },
  });
}

/** Only the newest few archives stay. */
async function forget(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.tar.gz'));
  const dated = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(folder, name)).catch(() => null))?.mtimeMs ?? 0 })),
  );
  for (const { name } of dated.toSorted((a, b) => b.at - a.at).slice(KEPT))
    await rm(join(folder, name), { force: true });
}
