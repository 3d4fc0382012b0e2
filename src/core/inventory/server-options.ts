import { z } from 'zod';
import { quoted } from './problem.ts';

const WORDS: Readonly<Record<string, RegExp>> = {
  max_fails: /^\d{1,6}$/,
  fail_timeout: /^\d{1,6}(ms|s|m|h)?$/,
  max_conns: /^\d{1,6}$/,
};

const REFUSED: Readonly<Record<string, string>> = {
  slow_start: 'is only in the commercial Nginx',
  route: 'is only in the commercial Nginx',
  drain: 'is only in the commercial Nginx',
  service: 'is only in the commercial Nginx',
  resolve: 'is for names; backends are addresses here',
  weight: 'is a key of each backend (backends.NAME.weight)',
  down: 'is set by orchestrate, which decides who is in rotation',
  backup: 'would take a server out of the groups that orchestrate makes',
};

/** What stands behind each server's address in an upstream: `max_fails=0 fail_timeout=5s`. */
export const serverOptions = z.string().check((context) => {
  const seen = new Set<string>();
  for (const option of context.value === '' ? [] : context.value.split(' ')) {
    const [, name, value] = /^([a-z_]+)(?:=(.*))?$/s.exec(option) ?? [];
    const message = name === undefined ? 'is no option' : verdict(name, value, seen);
    if (message !== undefined)
      context.issues.push({ code: 'custom', message: `${quoted(option)} ${message}`, input: context.value });
    if (name !== undefined) seen.add(name);
  }
});

function verdict(name: string, value: string | undefined, seen: ReadonlySet<string>): string | undefined {
  if (Object.hasOwn(REFUSED, name)) return REFUSED[name];
  const pattern = Object.hasOwn(WORDS, name) ? WORDS[name] : undefined;
  if (pattern === undefined) return `is none of ${Object.keys(WORDS).join(', ')}, one space between them`;
  if (seen.has(name)) return 'is there twice';
  if (value === undefined || !pattern.test(value))
    return `needs a ${name === 'fail_timeout' ? 'time (5s)' : 'number'} after =`;
  return undefined;
}
