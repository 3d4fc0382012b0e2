import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
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

/** Makes a token, keeps its hash, and returns what it is: nobody can tell it later. Rejects with `Refusal` (exit 2) where the name is taken. */
export async function makeToken(tokens: TokenStore, wish: TokenWish): Promise<TokenWish & { readonly token: string }> {
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

/** The first token of all, for whoever may read the service's files; none where there is one already. */
export async function firstToken(tokens: TokenStore, file: string): Promise<boolean> {
  if ((await tokens.list()).length > 0) return false;
  const { token, kept } = drawn({ name: 'admin', scope: 'admin' });
  // The file first: a token that is kept and that nobody has would lock everybody out.
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await rm(file, { force: true });
  await writeFile(file, `${token}\n`, { mode: 0o600 });
  await tokens.put(kept);
  return true;
}
