import { readFileSync } from 'node:fs';
import { setTimeout as rest } from 'node:timers/promises';
import { StreamReader } from '../../core/api/stream.ts';
import type { StoredEvent } from '../../core/api/told.ts';
import { Refusal } from '../../core/failure.ts';

/** A service elsewhere, spoken to over HTTP. What it refuses is refused here in the same words. */
export interface Client {
  readonly server: string;
  ask<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<T>;
  /**
   * What jobs tell, after an event; a line that breaks is made again, and nothing is missed or told twice. Of one job: until its last.
   * Rejects with `Refusal` (exit 4) where the service stays away.
   */
  events(after: number | undefined, job: string | undefined, signal: AbortSignal): AsyncIterable<StoredEvent>;
}

/** Milliseconds for one answer, which may wait for a look at the fleet; between two tries; for which a service may be away. */
const TIMEOUT = 120_000;
const AGAIN = 2000;
const AWAY = 600_000;
/** Milliseconds without a word after which a stream is made anew. */
const QUIET = 45_000;

/** The token is in the environment: a flag would show it to whoever lists processes. Throws `Refusal` (exit 2). */
export function tokenFrom(environment: NodeJS.ProcessEnv): string | undefined {
  const { ORCHESTRATE_TOKEN: token, ORCHESTRATE_TOKEN_FILE: file } = environment;
  if (token !== undefined && token !== '') return token;
  if (file === undefined || file === '') return undefined;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new Refusal(
      2,
      `ORCHESTRATE_TOKEN_FILE: ${error instanceof Error ? error.message : String(error)}.`,
      'Name a file that holds the token alone.',
    );
  }
}

/** Throws `Refusal` (exit 2) for what is no address of a service. */
export function openClient(server: string, token: string | undefined): Client {
  const base = baseOf(server);
  const headers = {
    accept: 'application/json',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  return {
    server: base.href.replace(/\/$/, ''),
    async ask<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<T> {
      const { request } = await import('undici');
      let answer: Awaited<ReturnType<typeof request>>;
      try {
        answer = await request(new URL(path.slice(1), base), {
          method,
          headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          headersTimeout: TIMEOUT,
          bodyTimeout: TIMEOUT,
        });
      } catch (error) {
        throw away(base, error);
      }
      const text = await answer.body.text();
      if (answer.statusCode < 300) return answerOf<T>(base, text);
      throw refusalOf(base, answer.statusCode, text);
    },
    async *events(after, job, signal) {
      const { request } = await import('undici');
      let last = after;
      let lost: number | undefined;
      // oxlint-disable no-await-in-loop -- one stream after the other
      while (!signal.aborted) {
        try {
          const query = new URLSearchParams({
            ...(job === undefined ? {} : { job }),
            ...(last === undefined ? {} : { after: String(last) }),
          });
          const answer = await request(new URL(`v1/events?${query.toString()}`, base), {
            headers,
            signal,
            headersTimeout: TIMEOUT,
            bodyTimeout: QUIET,
          });
          if (answer.statusCode !== 200) {
            const refusal = refusalOf(base, answer.statusCode, await answer.body.text());
            // As while its database is away: the job goes on.
            throw answer.statusCode < 500 ? refusal : new Refusal(4, refusal.message, refusal.next, refusal.details);
          }
          lost = undefined;
          const reader = new StreamReader();
          answer.body.setEncoding('utf8');
          for await (const piece of answer.body as AsyncIterable<string>)
            for (const { data } of reader.read(piece)) {
              const stored = answerOf<StoredEvent>(base, data);
              last = stored.id;
              yield stored;
              if (job !== undefined && stored.event.type === 'ended') return;
            }
        } catch (error) {
          if (signal.aborted) return;
          // What the service refuses it refuses again; but one that begins anew may not be there for a while.
          if (error instanceof Refusal && error.exit !== 4) throw error;
          lost ??= Date.now();
          if (Date.now() - lost > AWAY) throw error instanceof Refusal ? error : away(base, error);
        }
        await rest(AGAIN, undefined, { signal }).catch(() => {});
      }
      // oxlint-enable no-await-in-loop
    },
  };
}

function baseOf(server: string): URL {
  try {
    const url = new URL(server.endsWith('/') ? server : `${server}/`);
    if ((url.protocol === 'http:' || url.protocol === 'https:') && url.username === '' && url.search === '') return url;
  } catch {}
  throw new Refusal(
    2,
    `${server} is no address of a service.`,
    'Give one as https://deploy.example.com, the token in ORCHESTRATE_TOKEN.',
  );
}

const away = (base: URL, error: unknown): Refusal =>
  new Refusal(
    4,
    `The service at ${base.host} does not answer: ${error instanceof Error ? error.message || String('code' in error ? error.code : error.name) : String(error)}.`,
    'See that it runs (its /health), and that the way there is open. A roll that it has in hand goes on.',
  );

function parsed(base: URL, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(4, `What answers at ${base.host} is no service of orchestrate.`, 'Check --server.');
  }
}

/** What it is made of is not checked: the service is this program, and holds the fleet's keys. What people are shown of it is cleaned as all else. */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion typescript/no-unnecessary-type-parameters
const answerOf = <T>(base: URL, text: string): T => parsed(base, text) as T;

function refusalOf(base: URL, status: number, text: string): Refusal {
  const value: unknown = (() => {
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  })();
  const error = typeof value === 'object' && value !== null && 'error' in value ? value.error : undefined;
  if (typeof error !== 'object' || error === null || !('message' in error) || !('next' in error) || !('exit' in error))
    return new Refusal(
      4,
      `${base.host} answered ${status}.`,
      'See the log of the service, or of what stands before it.',
    );
  const details = 'details' in error && Array.isArray(error.details) ? error.details.map(String) : [];
  return new Refusal(Number(error.exit), String(error.message), String(error.next), details);
}
