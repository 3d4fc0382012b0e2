import type { IncomingMessage } from 'node:http';
import { LoginFailures } from '../../core/api/failures.ts';
import { allows, bearer, hasExpired, tokenOf, type KeptToken, type Scope } from '../../core/api/token.ts';
import { Refusal } from '../../core/failure.ts';
import type { TokenStore } from '../service.ts';
import { Problem } from './problem.ts';

/** Lets in who has a token that reaches so far. */
export class Guard {
  readonly #tokens: TokenStore;
  readonly #failures = new LoginFailures();
  /** As they were read last: while the database is away a token of then may still hear why. It opens nothing else. */
  #known: readonly KeptToken[] = [];

  constructor(tokens: TokenStore) {
    this.#tokens = tokens;
  }

  /** Who asks: a token of this scope, or of one above it. Rejects with `Problem`. */
  async token(request: IncomingMessage, scope: Scope): Promise<KeptToken> {
    const text = bearer(request.headers.authorization);
    const now = Date.now();
    const token = text === undefined ? undefined : tokenOf(text, await this.#list());
    const expired = token !== undefined && hasExpired(token, now);
    if (token === undefined || expired) {
      const wait = text === undefined ? undefined : this.#failures.failed(request.socket.remoteAddress ?? '', now);
      if (wait !== undefined)
        throw new Problem(
          429,
          new Refusal(
            2,
            'Too many wrong tokens came from this address.',
            `Try again in ${wait} s, with the right one.`,
          ),
          { 'retry-after': String(wait) },
        );
      throw new Problem(
        401,
        new Refusal(
          2,
          text === undefined
            ? 'There was no token.'
            : expired
              ? `The token ${token.name} has expired: ${token.expires ?? ''}.`
              : 'The token is good for nothing here.',
          'Put one into ORCHESTRATE_TOKEN, or its file into ORCHESTRATE_TOKEN_FILE; `orchestrate token make` makes one.',
        ),
        { 'www-authenticate': 'Bearer' },
      );
    }
    if (!allows(token.scope, scope))
      throw new Problem(
        403,
        new Refusal(
          2,
          `The token ${token.name} may ${token.scope}; this needs ${scope}.`,
          `Use a token of the scope ${scope}.`,
        ),
      );
    return token;
  }

  /** Whether it is somebody who may read, as far as is known. Does not reject. */
  async mayRead(request: IncomingMessage): Promise<boolean> {
    const text = bearer(request.headers.authorization);
    if (text === undefined) return false;
    const token = tokenOf(text, await this.#list().catch(() => this.#known));
    return token !== undefined && !hasExpired(token, Date.now()) && allows(token.scope, 'read');
  }

  async #list(): Promise<readonly KeptToken[]> {
    this.#known = await this.#tokens.list();
    return this.#known;
  }
}
