import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync } from 'node:fs';
import { script } from '../../src/fleet/scripts.ts';

/** Who the operator is on a host: where root runs the tests another user, for nothing is ever refused to root. */
const ROOT = process.getuid?.() === 0;
export const ID = ROOT ? 1 : (process.getuid?.() ?? 0);
export const NAME = execFileSync('id', ['-un', String(ID)], { encoding: 'utf8' }).trim();
const as = ROOT ? { uid: ID, gid: ID } : {};

/** Gives a folder, and what is in it, to the operator. */
export function give(path: string, id = ID): void {
  if (ROOT) execFileSync('chown', ['-Rh', String(id), path]);
}

/** Gives one file or folder to another user than the operator; does nothing where the tests are not root's. */
export function take(path: string): void {
  if (ROOT) chownSync(path, 0, 0);
}

/** Runs a script of src/remote as the operator, and returns what it printed. Throws what it said on standard error when it fails. */
export async function asOperator(name: string, args: readonly string[], path = ''): Promise<string> {
  const env = { ...process.env, PATH: `${path}${path === '' ? '' : ':'}${process.env['PATH'] ?? ''}`, TMPDIR: '/tmp' };
  const child = spawn('sh', ['-c', script(name), name, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
    cwd: '/',
    ...as,
  });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${Buffer.concat(err).toString()}`);
  return Buffer.concat(out).toString();
}

/** Starts a program that stays, as the operator. */
export function startAsOperator(command: string, args: readonly string[]): ReturnType<typeof spawn> {
  return spawn(command, args, { stdio: 'ignore', cwd: '/', ...as });
}
