import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { Refusal } from '../../core/failure.ts';
import { Problem } from './problem.ts';

/** Bytes of a request's body. */
const LARGEST = 256 * 1024;

/** Throws `Problem`. */
export function urlOf(text = '/'): URL {
  const url = URL.parse(text, 'http://service');
  if (url !== null) return url;
  throw new Problem(400, new Refusal(2, 'That is no path.', 'GET /v1/openapi.json lists those that there are.'));
}

/** The parts of a path that a pattern names; undefined: it is another path. */
export function matched(pattern: string, path: string): Map<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return undefined;
  const parts = new Map<string, string>();
  for (const [at, part] of wanted.entries()) {
    const value = given[at] ?? '';
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined && part !== value) return undefined;
    if (name !== undefined) {
      const read = decoded(value);
      if (read === undefined || read === '') return undefined;
      parts.set(name, read);
    }
  }
  return parts;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Reads a body and checks it. Rejects with `Problem`. */
export async function bodyOf(request: IncomingMessage, schema: z.ZodType): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST)
      throw new Problem(413, new Refusal(2, `The body is longer than ${LARGEST} bytes.`, 'Send less.'), {
        connection: 'close',
      });
    chunks.push(chunk);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new Problem(400, new Refusal(2, 'The body is no JSON.', 'GET /v1/openapi.json says what is expected.'));
  }
  return valid(schema, value, 'the body', true);
}

/** What was sent, checked; `asGiven`: as it was sent, since a route reads it itself. Throws `Problem`. */
export function valid(schema: z.ZodType, value: unknown, what: string, asGiven = false): unknown {
  const read = schema.safeParse(value);
  if (read.success) return asGiven ? value : read.data;
  const details = read.error.issues.map(({ path, message }) => `${path.map(String).join('.') || what}: ${message}`);
  throw new Problem(
    422,
    new Refusal(
      2,
      `${what.charAt(0).toUpperCase()}${what.slice(1)} is not as it must be.`,
      'GET /v1/openapi.json says what is expected.',
      details,
    ),
  );
}
