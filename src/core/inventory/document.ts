import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document as YamlDocument, Pair } from 'yaml';
import { harmless } from './problem.ts';
import type { Path, Problem } from './problem.ts';

/** A YAML text, read: plain values, and where each of them stands. */
export interface Document {
  readonly value: unknown;
  /** What YAML itself has against the text; when there is any, `value` is undefined. */
  readonly problems: readonly Problem[];
  /** Where a key or its value stands; where it is not there, its nearest ancestor's key. */
  readonly place: (path: Path, at: 'key' | 'value') => Place;
}

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** YAML 1.2 with anchors and merge keys (`<<`); JSON is YAML too. Never throws. */
export function readDocument(text: string, file: string): Document {
  const lines = new LineCounter();
  const yaml = parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false, logLevel: 'error' });
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const problem = (offset: number, message: string): Problem => ({
    file,
    ...place(offset),
    path: '',
    message: harmless(message),
  });
  const problems = [...yaml.errors, ...yaml.warnings].map((error) =>
    problem(error.pos[0], sentence(error.code, error.message)),
  );
  let value: unknown;
  if (problems.length === 0) {
    try {
      value = yaml.toJS();
    } catch (error) {
      problems.push(problem(0, `can't be read: ${error instanceof Error ? error.message : String(error)}`));
    }
  }
  return { value, problems, place: (path, at) => place(offsetOf(yaml, path, at)) };
}

function sentence(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'this key is there twice; only one of them can be meant';
  if (code === 'TAB_AS_INDENT') return 'YAML allows no tabs here: use spaces';
  if (code === 'TAG_RESOLVE_FAILED') return `${message}: tags are not understood here`;
  return message;
}

function offsetOf(yaml: YamlDocument, path: Path, at: 'key' | 'value'): number {
  let node: unknown = yaml.contents;
  let offset = startOf(node) ?? 0;
  for (const [index, part] of path.entries()) {
    const last = index === path.length - 1;
    if (isAlias(node)) node = node.resolve(yaml);
    if (isSeq(node)) {
      node = node.items[Number(part)];
      offset = startOf(node) ?? offset;
      continue;
    }
    const pair = isMap(node) ? node.items.find((item) => nameOf(item) === String(part)) : undefined;
    if (pair === undefined) return offset;
    node = pair.value;
    offset = (last && at === 'value' ? startOf(node) : undefined) ?? startOf(pair.key) ?? offset;
  }
  return offset;
}

const nameOf = (pair: Pair): string => String(isScalar(pair.key) ? pair.key.value : pair.key);

const startOf = (node: unknown): number | undefined => (isNode(node) ? node.range?.[0] : undefined);
