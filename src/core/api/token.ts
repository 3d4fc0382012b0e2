import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

/**
 * What lets a program use the service. A token is 256 random bits behind a name that is no secret; only its SHA-256 is kept. A slow hash, as
 * for passwords, would add nothing: nobody guesses 256 bits, and every request would pay for it.
 */

/** Each may do what those before it may. */
export const SCOPES = ['read', 'operate', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

const kept = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{12}$/),
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/),
  scope: z.enum(SCOPES),
  /** SHA-256 of the whole token, in hex. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  made: z.iso.datetime(),
  /** Absent: it never expires. */
  expires: z.iso.datetime().exactOptional(),
});

export type KeptToken = z.infer<typeof kept>;

export const tokensSchema = z.strictObject({ version: z.literal(1), tokens: z.array(kept).max(10_000) });

export const isTokenName = (name: string): boolean => kept.shape.name.safeParse(name).success;

const SHAPE = /^orchestrate_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/;

/** A token's text. `id`: 6 random bytes; `secret`: 32 random bytes. */
export const tokenText = (id: Uint8Array, secret: Uint8Array): string =>
  `orchestrate_${Buffer.from(id).toString('hex')}_${Buffer.from(secret).toString('base64url')}`;

export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The id within a token's text, or undefined where it is no token. */
export const idOf = (text: string): string | undefined => SHAPE.exec(text)?.[1];

/** The kept token that a text is, expired or not; undefined: it is none, or wrong. The hashes are compared in constant time. */
export function tokenOf(text: string, tokens: readonly KeptToken[]): KeptToken | undefined {
  const id = idOf(text);
  const found = tokens.find((token) => token.id === id);
  if (id === undefined || found === undefined) return undefined;
  return timingSafeEqual(Buffer.from(found.hash, 'hex'), Buffer.from(hashOf(text), 'hex')) ? found : undefined;
}

/** @param now milliseconds since 1970 */
export const hasExpired = ({ expires }: { readonly expires?: string | null }, now: number): boolean =>
  typeof expires === 'string' && Date.parse(expires) <= now;

export const allows = (has: Scope, needed: Scope): boolean => SCOPES.indexOf(has) >= SCOPES.indexOf(needed);

/** The token within an Authorization header. */
export const bearer = (header: string | undefined): string | undefined =>
  /^Bearer +([A-Za-z0-9_-]{1,200})$/i.exec(header ?? '')?.[1];
