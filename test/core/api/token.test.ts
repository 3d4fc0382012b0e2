import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  allows,
  bearer,
  hasExpired,
  hashOf,
  idOf,
  isTokenName,
  SCOPES,
  tokenOf,
  tokensSchema,
  tokenText,
} from '../../../src/core/api/token.ts';
import type { KeptToken } from '../../../src/core/api/token.ts';

const many = process.env['ORCHESTRATE_TEST_ALL'] === '1' ? 10_000 : 500;
const NOW = Date.parse('2026-11-26T20:00:00Z');

const make = (expires?: string): { text: string; token: KeptToken } => {
  const text = tokenText(randomBytes(6), randomBytes(32));
  const token = {
    id: idOf(text) ?? '',
    name: 'ci',
    scope: 'operate' as const,
    hash: hashOf(text),
    made: '2026-11-01T00:00:00Z',
  };
  return { text, token: expires === undefined ? token : { ...token, expires } };
};

describe('a token', () => {
  it('is known again, and kept only as its hash', () => {
    const { text, token } = make();
    assert.equal(tokenOf(text, [make().token, token]), token);
    assert.equal(hasExpired(token, NOW), false);
    assert.ok(!JSON.stringify(token).includes(text.slice(-43)));
    assert.ok(tokensSchema.safeParse({ version: 1, tokens: [token] }).success);
  });

  it('expires at its instant, and is known from then on as one that has', () => {
    const { text, token } = make(new Date(NOW).toISOString());
    assert.equal(tokenOf(text, [token]), token);
    assert.deepEqual(
      [NOW - 1, NOW, NOW + 1].map((now) => hasExpired(token, now)),
      [false, true, true],
    );
  });

  it('is not any other text, one character off or made at random', () => {
    const { text, token } = make();
    for (let at = 0; at < text.length; at += 1)
      assert.equal(
        tokenOf(`${text.slice(0, at)}${text[at] === 'a' ? 'b' : 'a'}${text.slice(at + 1)}`, [token]),
        undefined,
      );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((end) => text.slice(0, 25) + end),
        ),
        (other) => {
          fc.pre(other !== text);
          assert.equal(tokenOf(other, [token]), undefined);
        },
      ),
      { numRuns: many },
    );
  });

  it('lies in an Authorization header, or nowhere', () => {
    const { text } = make();
    assert.equal(bearer(`Bearer ${text}`), text);
    assert.equal(bearer(`bearer ${text}`), text);
    for (const header of [undefined, '', text, `Basic ${text}`, `Bearer ${text} x`, `Bearer ${'a'.repeat(201)}`])
      assert.equal(bearer(header), undefined);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (header) => {
        bearer(header);
      }),
      { numRuns: many },
    );
  });

  it('may do what the scopes before its own may', () => {
    assert.deepEqual(
      SCOPES.map((has) => SCOPES.filter((needed) => allows(has, needed))),
      [['read'], ['read', 'operate'], ['read', 'operate', 'admin']],
    );
  });

  it('has a name that is safe to show', () => {
    assert.ok(isTokenName('anna@laptop-2'));
    for (const name of ['', '-x', 'a b', '../x', 'a\n', 'x'.repeat(65), 'ä']) assert.ok(!isTokenName(name), name);
  });
});
