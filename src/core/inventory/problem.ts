/** One thing that is wrong (or doubtful) in an inventory, with the place where a person mends it. */
export interface Problem {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** Counted from 1. */
  readonly column: number;
  /** `service.slots[1]`; empty where the file as a whole is meant. */
  readonly path: string;
  readonly message: string;
}

/** What a rule finds: the place is looked up in the document later. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
  /** Where in the entry it is: the key itself, or what stands behind it. */
  readonly at?: 'key' | 'value';
}

export type Path = readonly (string | number)[];

/** `file:line:column  path.to.key: sentence`. */
export function formatProblem(problem: Problem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}`;
  return problem.path === '' ? `${place}  ${problem.message}` : `${place}  ${problem.path}: ${problem.message}`;
}

/** A path for people. Keys that could upset a terminal are quoted. */
export function showPath(path: Path): string {
  let shown = '';
  for (const part of path) {
    if (typeof part === 'number') shown += `[${part}]`;
    else shown += `${shown === '' ? '' : '.'}${/^[\w[\]:-]+$/.test(part) ? part : quoted(part)}`;
  }
  return shown;
}

/** Anything as it may be shown in a message: on one line, at most 60 characters, no control characters. */
export function quoted(value: unknown): string {
  const json = harmless(JSON.stringify(value) ?? typeof value);
  return json.length > 60 ? `${json.slice(0, 57)}...` : json;
}

/** On one line, and without what moves a terminal's cursor or turns its text around. */
export function harmless(text: string): string {
  // oxlint-disable-next-line no-control-regex -- these are what must not reach a terminal
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]+/g, ' ');
}
