import type { IncomingMessage, ServerResponse } from 'node:http';
import { HEARTBEAT, streamText } from '../../core/api/stream.ts';
import type { StoredEvent } from '../../core/api/told.ts';
import { Refusal } from '../../core/failure.ts';
import type { Service } from '../service.ts';
import type { Guard } from './guard.ts';
import { Problem } from './problem.ts';

/** At once. */
const MOST = 500;

/** Those who hear what jobs tell, as server-sent events. */
export class Watchers {
  readonly #service: Service;
  readonly #guard: Guard;
  readonly #beat: number;
  readonly #over = new AbortController();
  #count = 0;

  /** `beat`: milliseconds between two words, each with a look at the watcher's token. */
  constructor(service: Service, guard: Guard, beat: number) {
    this.#service = service;
    this.#guard = guard;
    this.#beat = beat;
  }

  /** All streams end. */
  close(): void {
    this.#over.abort();
  }

  /** Tells one of them, until it goes. One that is slow is waited for: what it misses meanwhile stands in the store. Rejects with `Problem`. */
  async stream(request: IncomingMessage, response: ServerResponse, query: URLSearchParams): Promise<void> {
    const last = request.headers['last-event-id'] ?? query.get('after') ?? undefined;
    const after = last === undefined ? undefined : Number(last);
    if (after !== undefined && !(Number.isSafeInteger(after) && after >= 0))
      throw new Problem(
        400,
        new Refusal(2, `${String(last)} is no id of an event.`, 'Give the id of the last one that was read.'),
      );
    const job = query.get('job') ?? undefined;
    if (job !== undefined) await this.#service.job(job);
    if (this.#count >= MOST)
      throw new Problem(503, new Refusal(3, `${MOST} watch already.`, 'Try again later.'), { 'retry-after': '10' });
    this.#count += 1;
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
      this.#guard.token(request, 'read').catch((error: unknown) => {
        if (error instanceof Problem) gone.abort();
      });
    }, this.#beat);
    try {
      for await (const stored of this.#service.events(after, job, signal))
        if (!response.write(textOf(stored))) await drained(response, signal);
    } finally {
      clearInterval(beat);
      this.#count -= 1;
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
