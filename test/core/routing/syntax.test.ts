import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseSyntax } from '../../../src/core/routing/syntax.ts';

test('directives, blocks, quotes, escapes and comments are read as Nginx reads them', () => {
  const text = `# a { comment; "
worker_processes 2; map $a "$b" { default ""; "~^x{2};#" 'it\\'s'; a\\;b c; } # end
log_format x '{"a":"$b"}' 'c'; set $x "\${a}_b"; root /live/\${lane}/x; a#b c;`;
  assert.deepEqual(parseSyntax(text), {
    directives: [
      { words: ['worker_processes', '2'] },
      {
        words: ['map', '$a', '$b'],
        block: [{ words: ['default', ''] }, { words: ['~^x{2};#', "it's"] }, { words: ['a\\;b', 'c'] }],
      },
      { words: ['log_format', 'x', '{"a":"$b"}', 'c'] },
      { words: ['set', '$x', '${a}_b'] },
      { words: ['root', '/live/${lane}/x'] },
      { words: ['a#b', 'c'] },
    ],
  });
});

test('what is no configuration is said with its line', () => {
  for (const [text, problem] of [
    ['a;\nb "c;\n', 'line 2: a quote is not closed'],
    ['a {', 'the text ends in the middle of a block'],
    ['a b', 'the text ends in the middle of a directive'],
    ['a;\n}', 'line 2: "}" closes nothing'],
    [';', 'line 1: ";" where a directive should be'],
    ['a { b }', 'line 1: a directive is not ended by ";"'],
    ['a{'.repeat(99), 'line 1: blocks are nested too deep'],
  ] as const) {
    assert.deepEqual(parseSyntax(text), { problem });
  }
});

test('no text makes it crash, stop early, or take long', () => {
  const piece = fc.constantFrom(
    '"',
    "'",
    '\\',
    '{',
    '}',
    ';',
    '#',
    '\n',
    ' ',
    '$',
    '${',
    'a',
    'upstream',
    'é',
    '\u0000',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const read = parseSyntax(pieces.join(''));
      assert.ok('problem' in read || Array.isArray(read.directives));
    }),
    { numRuns: 2000 },
  );
  const begun = performance.now();
  for (const text of ['"'.repeat(200_001), `"${'\\a'.repeat(200_000)}`, 'a'.repeat(400_000), '${'.repeat(200_000)])
    parseSyntax(text);
  assert.ok(performance.now() - begun < 3000);
});
