import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { isMap, isScalar, isSeq, parseDocument } from 'yaml';
import { formatProblem, jsonSchema, readInventory } from '../../../src/core/inventory.ts';

/** inventory.yaml is the schema's documentation: what it says must be so, and nothing may be missing. */

const text = readFileSync(new URL('../../../inventory.yaml', import.meta.url), 'utf8');

/** Maps whose keys a person chooses: hosts, shared paths, headers. */
const FREE = ['balancers', 'backends', 'release.shared', 'health.headers'];

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly description?: string;
  readonly anyOf?: readonly Node[];
  readonly items?: Node;
}

function schemaKeys(node: Node, path: string, found: Map<string, Node>): Map<string, Node> {
  for (const [key, child] of Object.entries(node.properties ?? {})) {
    const here = path === '' ? key : `${path}.${key}`;
    found.set(here, child);
    schemaKeys(child, here, found);
    if (child.items !== undefined) schemaKeys(child.items, `${here}[]`, found);
    if (typeof child.additionalProperties === 'object') schemaKeys(child.additionalProperties, `${here}.*`, found);
  }
  return found;
}

function exampleKeys(node: unknown, path: string, found: Set<string>): Set<string> {
  if (isSeq(node)) for (const item of node.items) exampleKeys(item, `${path}[]`, found);
  if (!isMap(node)) return found;
  for (const { key, value } of node.items) {
    const name = FREE.includes(path) ? '*' : String(isScalar(key) ? key.value : key);
    const here = path === '' ? name : `${path}.${name}`;
    if (!(name === '*' && !isMap(value)) && name !== '*') found.add(here);
    exampleKeys(value, here, found);
  }
  return found;
}

// A host's own ssh keys are those of the ssh section: explained there.
const once = (paths: Iterable<string>): string[] => [...paths].filter((path) => !path.includes('.*.ssh.')).toSorted();

const known = schemaKeys(jsonSchema(), '', new Map());

describe('inventory.yaml', () => {
  test('is valid, without a doubt', () => {
    const read = readInventory(text, 'inventory.yaml', '/home/me');
    assert.deepEqual(read.ok ? read.warnings.map(formatProblem) : read.problems.map(formatProblem), []);
  });

  test('has every key that the schema knows, and no other', () => {
    const shown = exampleKeys(parseDocument(text).contents, '', new Set());
    assert.deepEqual(once(shown), once(known.keys()));
    for (const hosts of ['balancers', 'backends']) {
      const own = [...known.keys()].flatMap((path) => path.split(`${hosts}.*.ssh.`)[1] ?? []);
      assert.deepEqual(
        ['concurrency', ...own].toSorted(),
        [...known.keys()].flatMap((path) => /^ssh\.(.*)/.exec(path)?.[1] ?? []).toSorted(),
      );
    }
  });

  test('shows the defaults: leaving out what may be left out changes nothing but what it marks as absent by default', () => {
    const least = `
app: shop
balancers: { lb1: { address: 10.0.0.10 }, lb2: { address: 10.0.0.9 } }
backends: { web1: { address: 10.0.0.11 }, "web[2:4]": { address: "10.0.0.[12:14]" } }
release: { root: /srv/www/shop }
service: { name: shop }
health: { host: shop.example.com }
`;
    const marked = `
ssh: { user: deploy, port: 22, identity_file: ~/.ssh/id_ed25519, jump: bastion.example.com }
release: { root: /srv/www/shop, shared: { media: media } }
build: { static: { publish: { to: balancers } } }
health: { host: shop.example.com, headers: { X-Forwarded-Proto: https } }
windows: [{ days: mon-thu, from: "02:00", to: "05:00", time_zone: Europe/Berlin }]
freezes: [{ from: 2026-12-20, to: 2027-01-03, time_zone: Europe/Berlin, reason: holidays }]
notify: [{ webhook: https://hooks.example.com/roll, secret_file: ~/.orchestrate-webhook }]
`;
    const host = `{ address: 10.0.0.11, zone: a, weight: 1, ssh: { port: 2222, jump: none } }`;
    const short = least
      .replace(/^release.*\n/m, '')
      .replace(/^health.*\n/m, '')
      .replace('{ address: 10.0.0.11 }', host)
      .replace('{ address: 10.0.0.10 }', '{ address: 10.0.0.10, ssh: { user: admin } }');
    const [whole, brief] = [text, short + marked].map((each) => readInventory(each, 'inventory.yaml', '/home/me'));
    assert.deepEqual(brief, whole);
    assert.equal(readInventory(least, 'inventory.yaml', '/home/me').ok, true);
  });

  test('says something about every key, once, beside the key', () => {
    const silent = text
      .split('\n')
      .filter((line) => /^\s*[a-z_]+:/.test(line) && !line.includes(' # '))
      .map((line) => line.trim().replace(/:.*/, ''));
    // Named by what stands around them, or explained a few lines above.
    const plain = ['lb1', 'lb2', 'web1', 'address', 'path', 'test', 'reload'];
    assert.deepEqual(
      silent.filter((key) => !plain.includes(key)),
      [],
    );
  });
});

test('every key of the schema has a description', () => {
  const silent = [...known].filter(([, node]) => (node.description ?? '') === '').map(([path]) => path);
  assert.deepEqual(silent, []);
});
