import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecure } from 'node:https';
import { once } from 'node:events';
import { isIP } from 'node:net';
import { z } from 'zod';
import { LoginFailures } from '../../core/api/failures.ts';
import { HEARTBEAT, streamText } from '../../core/api/stream.ts';
import { allows, bearer, hasExpired, tokenOf, type KeptToken, type Scope } from '../../core/api/token.ts';
import { Refusal } from '../../core/failure.ts';
import type { StoredEvent } from '../../core/api/told.ts';
import { NotFound, type Service } from '../service.ts';
import { metricsText } from './metrics.ts';
import { openApi } from './openapi.ts';
import { routes } from './routes.ts';

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** PEM texts. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Tokens may cross a network in the clear: something else protects it. */
  readonly plain?: boolean;
  /** Milliseconds between two heartbeats of a stream; default: 15,000. */
  readonly beat?: number;
}

export interface Listening {
  readonly url: string;
  close(): Promise<void>;
}

/** Bytes of a request's body. */
const LARGEST = 256 * 1024;
/** Milliseconds between two words on a stream, each with a look at the watcher's token; for one request's head and body. */
const BEAT = 15_000;
const SLOW = 30_000;
/** Watchers at once. */
const WATCHERS = 500;

/** An answer that is not 200. */
class Problem extends Error {
  readonly status: number;
  readonly refusal: Refusal;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, refusal: Refusal, headers: Readonly<Record<string, string>> = {}) {
    super(refusal.message);
    this.status = status;
    this.refusal = refusal;
    this.headers = headers;
  }
}

/** Serves the API. Rejects with `Refusal` (exit 2) for an address that is not this machine's own, without TLS, and for one that can't be listened on. */
export async function listen(
  service: Service,
  { host, port, tls, plain = false, beat = BEAT }: ListenOptions,
): Promise<Listening> {
  if (!isLoopback(host) && tls === undefined && !plain)
    throw new Refusal(
      2,
      `--listen ${host}: tokens would cross the network in the clear.`,
      'Give --tls-certificate and --tls-key, or listen on 127.0.0.1 behind Nginx (templates/orchestrate-site.conf); --plain-http says that something else protects the way.',
    );
  const api = new Api(service, beat);
  const answer = (request: IncomingMessage, response: ServerResponse): void => void api.answer(request, response);
  const server: Server =
    tls === undefined ? createServer(answer) : createSecure({ ...tls, minVersion: 'TLSv1.2' }, answer);
  server.requestTimeout = SLOW;
  server.headersTimeout = SLOW;
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    throw new Refusal(
      2,
      `${host}:${port} can't be listened on: ${error instanceof Error ? error.message : String(error)}.`,
      'Give another --listen ADDRESS:PORT.',
    );
  }
  const address = server.address();
  const actual = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${actual}`,
    close: async () => {
      api.close();
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), 2000);
      await closed;
      clearTimeout(timer);
    },
  };
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

class Api {
  readonly #service: Service;
  readonly #failures = new LoginFailures();
  readonly #over = new AbortController();
  readonly #openApi: string;
  readonly #beat: number;
  #watchers = 0;
  /** As they were read last: while the database is away a token of then may still hear why. It opens nothing else. */
  #known: readonly KeptToken[] = [];

  constructor(service: Service, beat: number) {
    this.#service = service;
    this.#beat = beat;
    this.#openApi = JSON.stringify(openApi(service.version));
  }

  close(): void {
    this.#over.abort();
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = urlOf(request.url);
      const path = url.pathname;
      if (request.method === 'GET' && path === '/health') return await this.#health(request, response);
      if (request.method === 'GET' && path === '/v1/openapi.json') return send(response, 200, this.#openApi);
      if (request.method === 'GET' && path === '/metrics') {
        await this.#token(request, 'read');
        const text = metricsText(this.#service.app, await this.#service.figures());
        return send(response, 200, text, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
      }
      if (request.method === 'GET' && path === '/v1/events') {
        await this.#token(request, 'read');
        return await this.#stream(request, response, url.searchParams);
      }
      await this.#route(request, response, url);
    } catch (error) {
      // Whoever has gone in the middle of asking hears nothing, and is no fault.
      if (!(error instanceof Problem) && request.destroyed && !request.complete) response.destroy();
      else answerProblem(response, error);
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const found = routes.flatMap((route) => {
      const parts = matched(route.path, url.pathname);
      return parts === undefined ? [] : [{ route, parts }];
    });
    // Whoever has no token learns nothing of what there is.
    const here = found.find(({ route }) => route.method === request.method);
    const { name: by } = await this.#token(request, here?.route.scope ?? 'read');
    if (found.length === 0)
      throw new Problem(404, new NotFound(`path ${url.pathname}`, 'GET /v1/openapi.json lists those that there are.'));
    if (here === undefined)
      throw new Problem(
        405,
        new Refusal(
          2,
          `${url.pathname} knows no ${request.method ?? ''}.`,
          'GET /v1/openapi.json lists what there is.',
        ),
        {
          allow: found.map(({ route }) => route.method).join(', '),
        },
      );
    const { route, parts } = here;
    const query = valid(route.query ?? z.strictObject({}), Object.fromEntries(url.searchParams), 'the query');
    const body = route.body === undefined ? undefined : await bodyOf(request, route.body);
    const asked = { service: this.#service, by, part: (name: string) => parts.get(name) ?? '', query, body };
    send(response, route.status ?? 200, JSON.stringify(await route.does(asked)));
  }

  /** Who asks. Throws `Problem`. */
  async #token(request: IncomingMessage, scope: Scope): Promise<KeptToken> {
    const text = bearer(request.headers.authorization);
    const now = Date.now();
    const token = text === undefined ? undefined : tokenOf(text, await this.#tokens());
    const expired = token !== undefined && hasExpired(token, now);
    if (token === undefined || expired) {
      const wait = text === undefined ? undefined : this.#failures.failed(request.socket.remoteAddress ?? '', now);
      if (wait !== undefined)
        throw new Problem(
          429,
          new Refusal(
            2,
            'Too many wrong tokens came from this address.',
            `Try again in ${wait} s, with the right one.`,
          ),
          { 'retry-after': String(wait) },
        );
      throw new Problem(
        401,
        new Refusal(
          2,
          text === undefined
            ? 'There was no token.'
            : expired
              ? `The token ${token.name} has expired: ${token.expires ?? ''}.`
              : 'The token is good for nothing here.',
          'Put one into ORCHESTRATE_TOKEN, or its file into ORCHESTRATE_TOKEN_FILE; `orchestrate token make` makes one.',
        ),
        { 'www-authenticate': 'Bearer' },
      );
    }
    if (!allows(token.scope, scope))
      throw new Problem(
        403,
        new Refusal(
          2,
          `The token ${token.name} may ${token.scope}; this needs ${scope}.`,
          `Use a token of the scope ${scope}.`,
        ),
      );
    return token;
  }

  /** To everybody whether it is well; what the database says may hold addresses and names, and is for who may read. */
  async #health(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { ok, words, details } = await this.#service.health();
    const more = details === undefined ? {} : { details };
    const answer = this.#mayKnow(request, await this.#tokens().catch(() => this.#known))
      ? { ok, words, version: this.#service.version, ...more }
      : { ok, words };
    send(response, ok ? 200 : 503, JSON.stringify(answer));
  }

  #mayKnow(request: IncomingMessage, tokens: readonly KeptToken[]): boolean {
    const text = bearer(request.headers.authorization);
    const token = text === undefined ? undefined : tokenOf(text, tokens);
    return token !== undefined && !hasExpired(token, Date.now()) && allows(token.scope, 'read');
  }

  async #tokens(): Promise<readonly KeptToken[]> {
    this.#known = await this.#service.tokens.list();
    return this.#known;
  }

  /** A watcher who is slow is waited for: what it misses meanwhile stands in the store. */
  async #stream(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): Promise<void> {
    const last = request.headers['last-event-id'] ?? query.get('after') ?? undefined;
    const after = last === undefined ? undefined : Number(last);
    if (after !== undefined && !(Number.isSafeInteger(after) && after >= 0))
      throw new Problem(
        400,
        new Refusal(2, `${String(last)} is no id of an event.`, 'Give the id of the last one that was read.'),
      );
    const job = query.get('job') ?? undefined;
    if (job !== undefined) await this.#service.job(job);
    if (this.#watchers >= WATCHERS)
      throw new Problem(503, new Refusal(3, `${WATCHERS} watch already.`, 'Try again later.'), { 'retry-after': '10' });
    this.#watchers += 1;
    const gone = new AbortController();
    const signal = AbortSignal.any([gone.signal, this.#over.signal]);
    response.once('close', () => gone.abort());
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.write(HEARTBEAT);
    const beat = setInterval(() => {
      response.write(HEARTBEAT);
      // A token that is revoked or expired meanwhile reads no further. A database that is away is no reason to go.
      this.#token(request, 'read').catch((error: unknown) => {
        if (error instanceof Problem) gone.abort();
      });
    }, this.#beat);
    try {
      for await (const stored of this.#service.events(after, job, signal))
        if (!response.write(textOf(stored))) await drained(response, signal);
    } finally {
      clearInterval(beat);
      this.#watchers -= 1;
      response.end();
    }
  }
}

/** Of one event for all who watch. */
const texts = new WeakMap<StoredEvent, string>();
function textOf(stored: StoredEvent): string {
  let text = texts.get(stored);
  if (text === undefined) texts.set(stored, (text = streamText(String(stored.id), JSON.stringify(stored))));
  return text;
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    response.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}

/** Throws `Problem`. */
function urlOf(text = '/'): URL {
  const url = URL.parse(text, 'http://service');
  if (url !== null) return url;
  throw new Problem(400, new Refusal(2, 'That is no path.', 'GET /v1/openapi.json lists those that there are.'));
}

function matched(pattern: string, path: string): Map<string, string> | undefined {
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

async function bodyOf(request: IncomingMessage, schema: z.ZodType): Promise<unknown> {
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

/** `asGiven`: what was sent, checked; a route reads it itself. */
function valid(schema: z.ZodType, value: unknown, what: string, asGiven = false): unknown {
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

function answerProblem(response: ServerResponse, error: unknown): void {
  const problem =
    error instanceof Problem
      ? error
      : new Problem(statusOf(error), error instanceof Refusal ? error : faultText(error));
  const { exit, message, next, details } = problem.refusal;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  send(response, problem.status, JSON.stringify({ error: { exit, message, next, details } }), problem.headers);
}

function statusOf(error: unknown): number {
  if (error instanceof NotFound) return 404;
  if (!(error instanceof Refusal)) return 500;
  return error.exit === 2 ? 422 : 409;
}

/** A fault of the service's own: its words stay in its log. */
function faultText(error: unknown): Refusal {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return new Refusal(1, 'The service has a fault; its log tells more.', 'Look at the log of the service.');
}

function send(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(text)),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(text);
}
