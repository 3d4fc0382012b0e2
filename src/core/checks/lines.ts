import { printable } from '../failure.ts';

/** What a script of `check` printed: lines `key value`, untrusted. */
export interface Lines {
  /** The first value of a key. */
  readonly one: (key: string) => string | undefined;
  readonly all: (key: string) => readonly string[];
}

const LONGEST = 4000;

/** Reads lines `key value` (a key alone has an empty value); control characters are taken out. */
export function readLines(output: string): Lines {
  const found = new Map<string, string[]>();
  for (const line of output.split('\n')) {
    const [, key, value = ''] = /^([a-z]+)(?: (.*))?$/.exec(printable(line).slice(0, LONGEST)) ?? [];
    if (key === undefined) continue;
    const values = found.get(key);
    if (values === undefined) found.set(key, [value]);
    else values.push(value);
  }
  return { one: (key) => found.get(key)?.[0], all: (key) => found.get(key) ?? [] };
}

/** A value that is a whole number; undefined where it is none. */
export function whole(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** `123 MB`, `4.5 GB`. */
export function size(kilobytes: number): string {
  return kilobytes < 1_000_000 ? `${Math.round(kilobytes / 1000)} MB` : `${(kilobytes / 1_000_000).toFixed(1)} GB`;
}
