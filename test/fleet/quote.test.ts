import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { quote } from '../../src/fleet/quote.ts';

test('a quoted word is read back by a real sh byte for byte', () => {
  const nasty = fc.string({
    unit: fc.constantFrom("'", '"', '\\', '$', '`', '\n', ' ', '!', '*', '~', '#', 'a', 'é', '\r', '-'),
  });
  const word = fc
    .oneof(nasty, fc.string({ unit: 'binary' }))
    .filter((text) => !text.includes('\0') && text.isWellFormed());
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 8 }), (words) => {
      const line = `printf '%s\\0' ${words.map(quote).join(' ')}`;
      const { stdout } = spawnSync('/bin/sh', ['-c', line]);
      assert.equal(stdout.toString(), words.map((each) => `${each}\0`).join(''));
    }),
    { numRuns: 60 },
  );
});

test('a word with NUL is refused', () => {
  assert.throws(() => quote('a\0b'), TypeError);
});
