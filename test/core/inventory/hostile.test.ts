import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parse } from 'yaml';
import { readInventory } from '../../../src/core/inventory.ts';

/**
 * Handlebars escapes nothing, and paths and names go into Nginx, process managers and shells. So nothing that could end a directive, a
 * word or a line may get through the reader, wherever in the inventory it is written.
 */

const example: unknown = parse(readFileSync(new URL('../../../inventory.yaml', import.meta.url), 'utf8'));

type Path = readonly (string | number)[];

function* strings(value: unknown, path: Path = []): Generator<{ path: Path; text: string }> {
  if (typeof value === 'string') yield { path, text: value };
  else if (typeof value === 'object' && value !== null)
    for (const [key, child] of Object.entries(value))
      yield* strings(child, [...path, Array.isArray(value) ? Number(key) : key]);
}

function* keys(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, child] of Object.entries(value)) {
    if (!Array.isArray(value)) yield key;
    yield* keys(child);
  }
}

/** A copy with something else at a path; `rename`: the key itself is replaced. */
function changed(value: unknown, [first, ...rest]: Path, text: string, rename: boolean): unknown {
  if (first === undefined) return text;
  if (Array.isArray(value))
    return value.map((item: unknown, index) => (index === first ? changed(item, rest, text, rename) : item));
  return Object.fromEntries(
    Object.entries(value ?? {}).map(([key, child]) => {
      if (key !== String(first)) return [key, child];
      return rename && rest.length === 0 ? [text, child] : [key, changed(child, rest, text, rename)];
    }),
  );
}

/** Shell commands and what stays on this machine: free, but on one line. */
const FREE =
  /^((service|rehearse|migrate|build\.static)\.command|service\.restart|build\.(commands|venv_args)\..*|build\.source|nginx\.(test|reload|template)|notify\.\d+\.secret_file|hooks\.[a-z_]+\..*|freezes\.\d+\.reason|.*\.ssh\.(identity_file|known_hosts|config))$/;
const REF = /^build\.ref$/;

const SHAPES: readonly (readonly [RegExp, RegExp])[] = [
  [/^nginx\.method$/, /^[a-z_]+( [$A-Za-z0-9_.:/-]+)?( consistent)?$/],
  [/^nginx\.server_options$/, /^[a-z_=0-9 ]*$/],
  [/^health\.headers\./, /^[ -~]*$/],
  [/^nginx\.status$|ssh\.jump$/, /^[A-Za-z0-9.:[\]@_,-]+$/],
  [/^notify\.\d+\.webhook$/, /^https?:\/\/[!-~]+$/],
  [/^health\.(path|warm)/, /^\/[^\s"'\\;{}$#`<>]*$/],
];

/** Each character by itself; what is longer or can't be seen stands behind. */
const EVIL = [
  ...'a1/.-_@: \t\n\r;{}$"\'`\\#%&|<>*()=,~!?+^\u0000\u001b\u007f\u0085\u00a0\u2028\u202eé'.split(''),
  '..',
  '\ud83d',
  '[1-2]',
];

const nasty = fc.oneof(
  fc.array(fc.constantFrom(...EVIL), { maxLength: 8 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 8 }),
);

const places = [...strings(example)];
const renamable: Path[] = [
  ['balancers', 'lb1'],
  ['backends', 'web1'],
  ['backends', 'web[2-4]'],
  ['release', 'shared', 'media'],
  ['health', 'headers', 'X-Forwarded-Proto'],
];

test('a hostile string gets through nowhere', () => {
  let accepted = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(
        ...places.map((place) => ({ ...place, rename: false })),
        ...renamable.map((path) => ({ path, text: String(path.at(-1)), rename: true })),
      ),
      nasty,
      fc.constantFrom('alone', 'before', 'after', 'inside'),
      ({ path, text, rename }, evil, where) => {
        const whole = {
          alone: evil,
          before: evil + text,
          after: text + evil,
          inside: text.slice(0, 3) + evil + text.slice(3),
        }[where];
        const read = readInventory(JSON.stringify(changed(example, path, whole, rename)), 'f', '/home/me');
        if (!read.ok) return;
        accepted++;
        for (const key of keys(read.inventory)) assert.match(key, /^[A-Za-z0-9._@+/-]+$/);
        for (const found of strings(read.inventory)) {
          const name = found.path.join('.').replace(/^b(alancers|ackends)\.\d+/, 'host');
          const shape = SHAPES.find(([place]) => place.test(name))?.[1];
          if (shape !== undefined) assert.match(found.text, shape, name);
          // oxlint-disable-next-line no-control-regex -- exactly these must not get through
          else if (FREE.test(name)) assert.doesNotMatch(found.text, /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/, name);
          else if (REF.test(name)) assert.match(found.text, /^[A-Za-z0-9._/@{}^~+-]+$/);
          else assert.match(found.text, /^[A-Za-z0-9_.%@+:/[\]-]+$/, name);
          if (found.text.startsWith('/') && !FREE.test(name) && !name.startsWith('health'))
            assert.doesNotMatch(found.text, /\/\.{1,2}(\/|$)|\/$|\/\//, name);
        }
      },
    ),
    { numRuns: 1200 },
  );
  // Else the property would hold for a reader that refuses everything.
  assert.ok(accepted > 30, `${accepted} were accepted`);
});

const verdict = (key: string, value: string): boolean => {
  const text = JSON.stringify(changed(example, ['nginx', key], value, false));
  return readInventory(text, 'f', '/home/me').ok;
};

test('what Nginx’s own words allow', () => {
  for (const method of [
    'round_robin',
    'least_conn',
    'ip_hash',
    'hash $request_uri',
    'hash $request_uri consistent',
    'hash $remote_addr$host',
  ])
    assert.ok(verdict('method', method), method);
  for (const method of [
    'random',
    'hash',
    'hash a b c',
    'hash ${x}',
    'hash $x;',
    'hash "$x"',
    'least_conn; deny all',
    'hash $x  consistent',
  ])
    assert.ok(!verdict('method', method), method);
  for (const options of ['', 'max_fails=0', 'max_fails=3 fail_timeout=5s', 'max_conns=100'])
    assert.ok(verdict('server_options', options), options);
  for (const options of [
    'slow_start=30s',
    'weight=2',
    'down',
    'backup',
    'max_fails',
    'max_fails=0 max_fails=1',
    'max_fails=0;',
    ' max_fails=0',
    'constructor=1',
  ])
    assert.ok(!verdict('server_options', options), options);
  for (const status of ['127.0.0.1:8099', '[::1]:80', '127.8.8.8:1']) assert.ok(verdict('status', status), status);
  for (const status of [
    '0.0.0.0:80',
    '127.0.0.1',
    '127.0.0.1:0',
    'localhost:80',
    '10.0.0.1:80',
    '127.0.0.1:70000',
    'unix:/x',
  ])
    assert.ok(!verdict('status', status), status);
});
