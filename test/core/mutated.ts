import * as fc from 'fast-check';

/** What a host may print instead of what it should: damaged, doubled, spliced, of other types, too deep, too large, or meant to fool. */

type Mutation = (text: string) => string;

/** Values of every type, and those that readers written in a hurry trip over. */
const STRANGE: readonly unknown[] = [
  null,
  true,
  '',
  'constructor',
  '__proto__',
  'x'.repeat(3000),
  '\u001b[2J\u202e\u0000\n',
  '\ud83d',
  -1,
  0,
  1.5,
  2 ** 53,
  1e308,
  [],
  [[]],
  {},
  { toString: null },
  { length: -1 },
  ['stable', 'all'],
];
const RAW = [
  '1e999',
  '-0',
  '123456789012345678901234567890',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
];
const KEYS = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'version', 'release', ''];
const WORDS = [
  '',
  '-',
  '0',
  '-1',
  '999999999999999',
  '99999999999999999999',
  'constructor',
  '__proto__',
  '../../etc',
  '/',
  '\u0000',
  '\u001b[31m',
  '1e9',
  'NaN',
];

/** One of something, by a number that may be any. */
const among = <T>(list: readonly T[], at: number): T | undefined => list[at % Math.max(1, list.length)];

const onLine =
  (at: number, change: (line: string) => string | readonly string[]): Mutation =>
  (text) => {
    const lines = text.split('\n');
    const index = at % lines.length;
    return lines.flatMap((line, number) => (number === index ? change(line) : [line])).join('\n');
  };

/** Where JSON begins in a line; -1: there is none. */
const jsonAt = (line: string): number => line.search(/[{[]/);

/** Changes the JSON of one of the lines that have some, by way of its text, so that keys like __proto__ stay what they are. */
const onJson =
  (at: number, change: (json: string) => string): Mutation =>
  (text) => {
    const lines = text.split('\n');
    const having = lines.flatMap((line, index) => (jsonAt(line) < 0 ? [] : [index]));
    const index = among(having, at);
    if (index === undefined) return text;
    const line = lines[index] ?? '';
    const from = jsonAt(line);
    lines[index] = line.slice(0, from) + change(line.slice(from));
    return lines.join('\n');
  };

/** Every value in a JSON text: where it stands. */
function values(json: string): [number, number][] {
  const found: [number, number][] = [];
  for (const match of json.matchAll(/(?<=[:,[])("(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null)(?=[,}\]])/g))
    found.push([match.index, match.index + match[0].length]);
  return found;
}

const replaceValue =
  (which: number, by: string): ((json: string) => string) =>
  (json) => {
    const place = among(values(json), which);
    return place === undefined ? by : json.slice(0, place[0]) + by + json.slice(place[1]);
  };

const addKey =
  (which: number, key: string, value: string): ((json: string) => string) =>
  (json) => {
    const open = [...json.matchAll(/\{/g)].map(({ index }) => index + 1);
    const at = among(open, which) ?? 0;
    const rest = json.slice(at);
    return `${json.slice(0, at)}${JSON.stringify(key)}:${value}${rest.startsWith('}') ? '' : ','}${rest}`;
  };

const nested = (depth: number, open: '[' | '{'): string =>
  open === '[' ? '['.repeat(depth) + ']'.repeat(depth) : `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

const nat = fc.nat(1_000_000);
const json = fc.oneof(
  fc.constantFrom(...STRANGE).map((value) => JSON.stringify(value)),
  fc.constantFrom(...RAW),
);

const mutations: fc.Arbitrary<Mutation> = fc.oneof(
  // Bytes.
  fc.tuple(nat, fc.nat(40), fc.string({ unit: 'binary', maxLength: 8 })).map(
    ([at, drop, put]): Mutation =>
      (text) =>
        text.slice(0, at % (text.length + 1)) + put + text.slice((at % (text.length + 1)) + drop),
  ),
  fc.tuple(nat, fc.integer({ min: 1, max: 255 })).map(([at, flip]): Mutation => (text) => {
    const bytes = Buffer.from(text);
    if (bytes.length > 0) bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ flip;
    return bytes.toString();
  }),
  nat.map(
    (at): Mutation =>
      (text) =>
        text.slice(0, at % (text.length + 1)),
  ),
  // Lines.
  nat.map((at) => onLine(at, () => [])),
  nat.map((at) => onLine(at, (line) => [line, line])),
  fc.tuple(nat, nat).map(
    ([at, from]): Mutation =>
      (text) =>
        onLine(at, (line) => [among(text.split('\n'), from) ?? '', line])(text),
  ),
  fc.tuple(nat, nat, nat).map(
    ([at, from, cut]): Mutation =>
      (text) =>
        onLine(
          at,
          (line) =>
            line.slice(0, cut % (line.length + 1)) +
            (among(text.split('\n'), from) ?? '').slice(cut % (line.length + 1)),
        )(text),
  ),
  fc.tuple(nat, nat, fc.constantFrom(...WORDS)).map(([at, which, word]) =>
    onLine(at, (line) => {
      const words = line.split(' ');
      words[which % words.length] = word;
      return words.join(' ');
    }),
  ),
  nat.map((at) => onLine(at, (line) => line + 'x'.repeat(100_000))),
  // JSON.
  fc.tuple(nat, nat, json).map(([at, which, by]) => onJson(at, replaceValue(which, by))),
  fc
    .tuple(nat, nat, fc.constantFrom(...KEYS), json)
    .map(([at, which, key, value]) => onJson(at, addKey(which, key, value))),
  fc
    .tuple(nat, nat, fc.constantFrom(10, 1000, 20_000), fc.constantFrom('[' as const, '{' as const))
    .map(([at, which, depth, open]) => onJson(at, replaceValue(which, nested(depth, open)))),
  fc
    .tuple(nat, nat, fc.constantFrom(...KEYS), fc.constantFrom(1000, 20_000))
    .map(([at, which, key, depth]) => onJson(at, addKey(which, key, nested(depth, '{')))),
);

/** What may come instead of a text that a host should print. */
export const mutated = (texts: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom(...texts), fc.array(mutations, { minLength: 1, maxLength: 4 }))
    .map(([text, changes]) => changes.reduce((changed, change) => change(changed), text));

/** Throws when something has put a property on what all objects inherit. */
export function unpolluted(): void {
  for (const key of ['polluted', 'version', 'release', 'prototype', 'a'])
    if (key in {}) throw new Error(`all objects have ${key} now`);
}
