import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { comesTo, goalOf, type Goal } from '../../../src/core/ab/goals.ts';

const read = (text: string, name = 'checkout'): Goal => {
  const goal = goalOf(name, text);
  return 'problem' in goal ? assert.fail(goal.problem) : goal;
};
const problem = (text: string, name = 'checkout'): string => {
  const goal = goalOf(name, text);
  return 'problem' in goal ? goal.problem : assert.fail(`${text} was read`);
};

test('a method and a pattern, or a pattern alone', () => {
  assert.deepEqual(read('POST ^/checkout/done'), { name: 'checkout', method: 'POST', pattern: '^/checkout/done' });
  assert.deepEqual(read('^/thanks(/|$)'), { name: 'checkout', pattern: '^/thanks(/|$)' });
  assert.equal(read(String.raw`^/a\.html\?x=[0-9]+\/$`).pattern, '^/a[.]html[?]x=[0-9]+/$');
});

test('what comes to it', () => {
  const goal = read(String.raw`POST ^/checkout/[0-9]+/done(\?|$)`);
  const request = { method: 'POST', uri: '/checkout/17/done', status: 302 };
  assert.ok(comesTo(goal, request));
  assert.ok(comesTo(goal, { ...request, uri: '/checkout/17/done?from=mail', status: 200 }));
  for (const other of [
    { method: 'GET' },
    { uri: '/checkout/x/done' },
    { status: 400 },
    { status: 500 },
    { status: 101 },
  ])
    assert.ok(!comesTo(goal, { ...request, ...other }), JSON.stringify(other));
  assert.ok(comesTo(read('done'), { ...request, method: 'GET' }));
});

test('what is not the same in every awk is refused, and why', () => {
  const refused: [text: string, why: RegExp][] = [
    ['', /a method and a pattern of the URL, such as/],
    ['POST /a b', /a method and a pattern/],
    [String.raw`^/\d+`, /\\d means nothing to awk \(digits are \[0-9\]\)/],
    ['/a{2}', /braces/],
    ['(?:a)', /nothing that \? could repeat/],
    ['a+?', /nothing that \? could repeat/],
    ['^*a', /nothing that \* could repeat/],
    ['()', /nothing before \)/],
    ['a||b', /nothing before \|/],
    ['a|', /nothing after \|/],
    ['a^b', /\^ elsewhere than at the beginning/],
    ['a$b', /\$ elsewhere than at the end/],
    ['(a', /a \( without its \)/],
    ['a)', /a \) without its \(/],
    ['[[:digit:]]', /a list of characters/],
    ['[a', /a list of characters/],
    ['[z-a]', /no list of characters/],
    ['[a-c-e]', /no list of characters/],
    ['[+-9]', /no list of characters/],
    ['a"b', /" can't stand/],
    ['/café', /percent-encoding/],
    ['a\\', /a backslash at the end/],
    ['a'.repeat(201), /200 characters/],
  ];
  for (const [text, why] of refused) assert.match(problem(text), why, text);
  // No method without a pattern: it is a pattern then.
  assert.deepEqual(read('POST'), { name: 'checkout', pattern: 'POST' });
  for (const name of ['', 'A', '1a', 'a b', 'a=b', 'a'.repeat(41)])
    assert.match(problem('/a', name), /the name of a goal/);
});

const atom = fc.constantFrom(
  'a',
  'b',
  '/',
  '.',
  '[ab]',
  '[^/]',
  '[0-9x-]',
  String.raw`\.`,
  String.raw`\?`,
  '1',
  '-',
  '%',
  'B',
);
const repeated = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(atom, fc.constantFrom('', '', '', '*', '+', '?')).map((parts) => parts.join('')) },
  { weight: 1, arbitrary: fc.constantFrom('(^|/)', '(/|$)', '(^a|b)') },
);
const pattern = fc.letrec<{ whole: string; branch: string; piece: string }>((tie) => ({
  piece: fc.oneof(
    { depthSize: 'small' },
    repeated,
    tie('whole').map((whole) => `(${whole})`),
  ),
  branch: fc.array(tie('piece'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
  whole: fc.array(tie('branch'), { minLength: 1, maxLength: 2 }).map((parts) => parts.join('|')),
})).whole;
const anchored = fc
  .tuple(fc.constantFrom('', '^'), pattern, fc.constantFrom('', '$'))
  .map((parts) => parts.join(''))
  .filter((text) => text.length <= 100);
const uri = fc.array(fc.constantFrom('a', 'b', '/', '.', '?', '1', '9', '-', '%', 'B', 'x', '&'), { maxLength: 8 });

test('means the same to awk as to us, and what was written', () => {
  fc.assert(
    fc.property(
      fc.array(anchored, { minLength: 30, maxLength: 30 }),
      fc.array(uri, { minLength: 20 }),
      (texts, uris) => {
        const lines = uris.map((characters) => characters.join(''));
        const goals = texts.map((text) => read(text));
        const awk = spawnSync(
          'awk',
          [
            '-v',
            `patterns=${goals.map((goal) => goal.pattern).join(' ')}`,
            'BEGIN { many = split(patterns, pattern, " ") } { for (i = 1; i <= many; i++) printf "%d", $0 ~ pattern[i]; print "" }',
          ],
          { input: `${lines.join('\n')}\n`, encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } },
        );
        assert.equal(awk.stderr, '');
        const ours = lines.map((line) =>
          goals.map((goal) => Number(comesTo(goal, { method: 'GET', uri: line, status: 200 }))).join(''),
        );
        assert.deepEqual(awk.stdout.trimEnd().split('\n'), ours);
        const written = lines.map((line) => texts.map((text) => Number(new RegExp(text).test(line))).join(''));
        assert.deepEqual(ours, written);
      },
    ),
    { numRuns: 20 },
  );
});
