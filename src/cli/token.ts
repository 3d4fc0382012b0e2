import { hasExpired, type Scope } from '../core/api/token.ts';
import { safeJson } from '../core/printable.ts';
import { clean, table } from '../tell/words.ts';
import { clientOf, type ServerFlags } from './server.ts';

interface Told {
  readonly name: string;
  readonly scope: Scope;
  readonly made: string;
  readonly expires: string | null;
}

/** `orchestrate token make NAME`: prints the token alone, this once. `expires`: milliseconds from now. */
export async function tokenMake(
  name: string,
  flags: ServerFlags & { readonly scope: Scope; readonly expires?: number },
): Promise<number> {
  const expires = flags.expires === undefined ? {} : { expires: new Date(Date.now() + flags.expires).toISOString() };
  const made = await clientOf(flags).ask<{ token: string }>('POST', '/v1/tokens', {
    name,
    scope: flags.scope,
    ...expires,
  });
  process.stdout.write(flags.json === true ? `${safeJson(made, 2)}\n` : `${clean(made.token)}\n`);
  return 0;
}

/** `orchestrate token list` */
export async function tokenList(flags: ServerFlags): Promise<number> {
  const found = await clientOf(flags).ask<Told[]>('GET', '/v1/tokens');
  const rows = found.map(({ name, scope, made, expires }) => [name, scope, made, endText(expires)].map(clean));
  process.stdout.write(
    flags.json === true
      ? `${safeJson(found, 2)}\n`
      : `${table([['NAME', 'MAY', 'MADE', 'EXPIRES'], ...rows]).join('\n')}\n`,
  );
  return 0;
}

const endText = (expires: string | null): string =>
  expires === null ? 'never' : hasExpired({ expires }, Date.now()) ? `${expires} (it has)` : expires;

/** `orchestrate token revoke NAME` */
export async function tokenRevoke(name: string, flags: ServerFlags): Promise<number> {
  await clientOf(flags).ask('DELETE', `/v1/tokens/${encodeURIComponent(name)}`);
  process.stdout.write(`${clean(name)} is good for nothing any more.\n`);
  return 0;
}
