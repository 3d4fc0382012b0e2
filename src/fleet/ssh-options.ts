import { join } from 'node:path';
import { LineType, parse } from 'ssh-config';
import type { Directive, Line, Section } from 'ssh-config';
import type { SshEnvironment } from './ssh-config.ts';

/** What a configuration file of OpenSSH says about one host: the first value wins, identity files add up. Keys in small letters. */
export interface SshOptions {
  /** The first value of an option, its words joined by spaces. */
  readonly one: (name: string) => string | undefined;
  /** All words of an option's first value; of IdentityFile, all files in order. */
  readonly all: (name: string) => readonly string[];
}

const DEEPEST_INCLUDE = 16;

interface Asked {
  readonly host: string;
  /** Who logs in, where it is already decided: `Match user` looks at it. */
  readonly user: string | undefined;
  readonly environment: SshEnvironment;
  readonly values: Map<string, string[]>;
}

/**
 * Reads the file for `host`, the name that stands behind `ssh`. `Include`, `Host` and `Match` (all, host, originalhost, user, localuser, and
 * their negations) are honoured. Nothing is ever run and no name is looked up: a section that asks for it (`Match exec`, `localnetwork`,
 * `canonical`, `final`) does not apply. Throws where a file can't be read or understood, or is not there though it must be.
 */
export function optionsFor(
  path: string,
  must: boolean,
  { host, user }: Pick<Asked, 'host' | 'user'>,
  environment: SshEnvironment,
): SshOptions {
  const asked: Asked = { host, user, environment, values: new Map() };
  walk(linesOf(path, environment, must), asked, 0);
  const all = (name: string): readonly string[] => asked.values.get(name) ?? [];
  return { all, one: (name) => (asked.values.has(name) ? all(name).join(' ') : undefined) };
}

/** Each file is read and parsed once for the run, not once a host. */
const parsed = new WeakMap<SshEnvironment, Map<string, readonly Line[]>>();

function linesOf(path: string, environment: SshEnvironment, must: boolean): readonly Line[] {
  const files = parsed.get(environment) ?? new Map<string, readonly Line[]>();
  parsed.set(environment, files);
  const known = files.get(path);
  if (known !== undefined) return known;
  const text = environment.readFile(path);
  if (text === undefined && must) throw new Error(`there is no ${path}`);
  try {
    const lines = text === undefined ? [] : Array.from<Line>(parse(text));
    files.set(path, lines);
    return lines;
  } catch (error) {
    throw new Error(`${path} can't be understood: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function walk(lines: readonly Line[], asked: Asked, depth: number): void {
  for (const line of lines) {
    if (line.type !== LineType.DIRECTIVE) continue;
    const name = line.param.toLowerCase();
    // The parser reads a keyword without a value together with the line below it.
    if (/\s/.test(name)) throw new Error(`${line.param.split(/\s/)[0] ?? ''} has no value in the ssh configuration`);
    if (name === 'include') include(wordsOf(line), asked, depth);
    else if (name === 'host' || name === 'match') {
      if (applies(name, wordsOf(line), asked))
        walk('config' in line ? Array.from<Line>((line satisfies Section).config) : [], asked, depth);
    } else note(name, wordsOf(line), asked.values);
  }
}

const wordsOf = ({ value }: Directive): string[] => (typeof value === 'string' ? [value] : value.map(({ val }) => val));

function note(name: string, words: string[], values: Map<string, string[]>): void {
  const seen = values.get(name);
  if (seen === undefined) values.set(name, words);
  else if (name === 'identityfile') values.set(name, [...seen, ...words.filter((word) => !seen.includes(word))]);
}

function include(patterns: readonly string[], asked: Asked, depth: number): void {
  if (depth >= DEEPEST_INCLUDE) throw new Error(`more than ${DEEPEST_INCLUDE} configuration files include each other`);
  const { home, glob } = asked.environment;
  for (const pattern of patterns) {
    const tilde = pattern.startsWith('~/') ? join(home, pattern.slice(2)) : pattern;
    const path = tilde.startsWith('/') ? tilde : join(home, '.ssh', tilde);
    const files = /[*?[]/.test(path) ? (glob?.(path).toSorted() ?? []) : [path];
    for (const file of files) walk(linesOf(file, asked.environment, false), asked, depth + 1);
  }
}

function applies(name: 'host' | 'match', words: readonly string[], asked: Asked): boolean {
  if (name === 'host') return matches(words, asked.host.toLowerCase());
  const { environment, values } = asked;
  const subjects: Readonly<Record<string, string>> = {
    host: (values.get('hostname')?.[0] ?? asked.host).toLowerCase(),
    originalhost: asked.host.toLowerCase(),
    user: asked.user ?? values.get('user')?.[0] ?? environment.user,
    localuser: environment.user,
  };
  for (let index = 0; index < words.length; index++) {
    const negated = words[index]?.startsWith('!') === true;
    const criterion = (words[index] ?? '').slice(negated ? 1 : 0).toLowerCase();
    if (criterion === 'all') {
      if (negated) return false;
      continue;
    }
    const subject = Object.hasOwn(subjects, criterion) ? subjects[criterion] : undefined;
    if (subject === undefined) return false;
    index++;
    if (matches((words[index] ?? '').split(','), subject) === negated) return false;
  }
  return words.length > 0;
}

/** OpenSSH's pattern list: one of them fits, and none that begins with `!`. (The package's own reads `?` as "one or none".) */
function matches(patterns: readonly string[], text: string): boolean {
  const fits = (pattern: string): boolean => {
    const literal = pattern.replaceAll(/[\\()[\]{}.+^$|]/g, String.raw`\$&`);
    return new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(text);
  };
  return (
    patterns.some((pattern) => !pattern.startsWith('!') && fits(pattern)) &&
    !patterns.some((pattern) => pattern.startsWith('!') && fits(pattern.slice(1)))
  );
}
