import type { z } from 'zod';
import { nearest } from './nearest.ts';
import { quoted, showPath } from './problem.ts';
import type { Finding, Path } from './problem.ts';
import { jsonSchema } from './schema.ts';

/** What zod has against a value, in sentences for the person who wrote it. `at` is where the value stands in the inventory. */
export function findingsOf(error: Pick<z.ZodError, 'issues'>, at: Path): Finding[] {
  return error.issues.flatMap((issue): Finding[] => {
    const path: Path = [...at, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({ path: [...path, key], message: unknownKey(path, key), at: 'key' }));
    if (issue.code === 'invalid_key')
      return [{ path, message: `the key ${issue.issues[0]?.message ?? 'is not valid'}`, at: 'key' }];
    return [{ path, message: issue.message }];
  });
}

/** The error map for what the schema says no sentence of its own about. */
export function sayType(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_value') return `must be ${oneOf(issue.values.map(String))}, not ${quoted(issue.input)}`;
  if (issue.code !== 'invalid_type') return undefined;
  const { input } = issue;
  if (input === undefined) return 'is required';
  if (input === null) return 'is empty; give it a value or leave the key out';
  const found = Array.isArray(input) ? 'a list' : typeof input === 'object' ? 'a mapping' : quoted(input);
  if (issue.expected === 'string' && (typeof input === 'number' || typeof input === 'boolean'))
    return `must be text, not ${found}: put it in quotes`;
  if (issue.expected === 'number' || issue.expected === 'int') {
    const number = typeof input === 'string' && /^\s*-?\d+\s*$/.test(input);
    return number ? `must be a number: write ${input.trim()} without quotes` : `must be a whole number, not ${found}`;
  }
  if (issue.expected === 'boolean') return `must be true or false, not ${found}`;
  if (issue.expected === 'array') return `must be a list ([a, b]), not ${found}`;
  if (issue.expected === 'string') return `must be text, not ${found}`;
  return `must be a mapping (keys with values), not ${found}`;
}

const oneOf = (words: readonly string[]): string =>
  words.length < 2 ? (words[0] ?? 'nothing') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

function unknownKey(parent: Path, key: string): string {
  const here = keysAt(parent);
  const near = nearest(key, here);
  if (near !== undefined) return `is unknown; did you mean ${near}?`;
  const elsewhere = placesOf(key);
  if (elsewhere.length > 0 && elsewhere.length <= 3) return `is unknown here; did you mean ${oneOf(elsewhere)}?`;
  return `is unknown; ${parent.length === 0 ? 'the inventory has' : `${showPath(parent)} has`} ${here.join(', ')}`;
}

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
}

const childOf = (node: SchemaNode | undefined, key: string): SchemaNode | undefined => {
  if (node?.properties !== undefined && Object.hasOwn(node.properties, key)) return node.properties[key];
  if (node?.items !== undefined && /^[0-9]+$/.test(key)) return node.items;
  return typeof node?.additionalProperties === 'object' ? node.additionalProperties : undefined;
};

function keysAt(path: Path): string[] {
  let node: SchemaNode | undefined = jsonSchema();
  for (const part of path) node = childOf(node, String(part));
  return Object.keys(node?.properties ?? {});
}

/** Where else a key of that name is known, as paths. */
function placesOf(key: string): string[] {
  const found: string[] = [];
  const walk = (node: SchemaNode, path: Path): void => {
    for (const [name, child] of Object.entries(node.properties ?? {})) {
      if (name === key) found.push(showPath([...path, name]));
      walk(child, [...path, name]);
    }
  };
  walk(jsonSchema(), []);
  return found;
}
