import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Refusal } from '../../core/failure.ts';
import { hashOf, tokenText, type KeptToken, type Scope } from '../../core/api/token.ts';
import type { TokenStore } from '../service.ts';

export interface TokenWish {
  readonly name: string;
  readonly scope: Scope;
  /** ISO 8601. */
  readonly expires?: string;
}

/** Makes a token, keeps its hash, and returns what it is: nobody can tell it later. Rejects with `Refusal` (exit 2) where the name is taken, or it has expired already. */
export async function makeToken(tokens: TokenStore, wish: TokenWish): Promise<TokenWish & { readonly token: string }> {
  if (wish.expires !== undefined && Date.parse(wish.expires) <= Date.now())
    throw new Refusal(
      2,
      `A token that expires at ${wish.expires} would be good for nothing.`,
      'Give a time that is still to come.',
    );
  if ((await tokens.list()).some(({ name }) => name === wish.name))
    throw new Refusal(
      2,
      `There is a token ${wish.name} already.`,
      'Give another name, or revoke that one first: orchestrate token revoke NAME.',
    );
  const { token, kept } = drawn(wish);
  await tokens.put(kept);
  return { ...wish, token };
}

function drawn(wish: TokenWish): { readonly token: string; readonly kept: KeptToken } {
  const id = randomBytes(6);
  const token = tokenText(id, randomBytes(32));
  return {
    token,
    kept: { id: id.toString('hex'), hash: hashOf(token), made: new Date().toISOString(), ...wish },
  };
}

/** `made`: it is in the file. `elsewhere`: another service has made one. `there`: this one did, before. */
export type First = 'made' | 'elsewhere' | 'there';

/** The first token of all, for whoever may read the service's files. Of several services that share a database one makes it. */
export async function firstToken(tokens: TokenStore, file: string): Promise<First> {
  const known = await tokens.list();
  if (known.length > 0) return (await recovered(known, file)) || existsSync(file) ? 'there' : 'elsewhere';
  const { token, kept } = drawn({ name: 'admin', scope: 'admin' });
  // The file first: a token that is kept and that nobody has would lock everybody out. It gets its name only once it is known to count.
  const draft = draftOf(file, kept);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(draft, `${token}\n`, { mode: 0o600, flush: true });
  // Where the answer is lost it is not known whether it was kept: the draft stays, and the next start finds it.
  const first = await tokens.first(kept);
  if (first) await rename(draft, file);
  else await rm(draft, { force: true });
  return first ? 'made' : 'elsewhere';
}

const draftOf = (file: string, { id }: KeptToken): string => `${file}.${id}`;

/** A service that died between keeping its token and naming the file. */
async function recovered(known: readonly KeptToken[], file: string): Promise<boolean> {
  const draft = known.map((token) => draftOf(file, token)).find((name) => existsSync(name));
  if (draft !== undefined) await rename(draft, file);
  return draft !== undefined;
}
