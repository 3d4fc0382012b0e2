import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { Refusal } from '../../core/failure.ts';
import { NotFound, type Service } from '../service.ts';
import { Guard } from './guard.ts';
import { metricsText } from './metrics.ts';
import { openApi } from './openapi.ts';
import { answerProblem, Problem, send } from './problem.ts';
import { bodyOf, matched, urlOf, valid } from './request.ts';
import { routes } from './routes.ts';
import { Watchers } from './watchers.ts';

/** Answers requests: finds who asks, what for, and whether both fit. */
export class Api {
  readonly #service: Service;
  readonly #guard: Guard;
  readonly #watchers: Watchers;
  readonly #openApi: string;

  /** `beat`: of watchers.ts. */
  constructor(service: Service, beat: number) {
    this.#service = service;
    this.#guard = new Guard(service.tokens);
    this.#watchers = new Watchers(service, this.#guard, beat);
    this.#openApi = JSON.stringify(openApi(service.version));
  }

  close(): void {
    this.#watchers.close();
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = urlOf(request.url);
      const path = url.pathname;
      if (request.method === 'GET' && path === '/health') return await this.#health(request, response);
      if (request.method === 'GET' && path === '/v1/openapi.json') return send(response, 200, this.#openApi);
      if (request.method === 'GET' && path === '/metrics') {
        await this.#guard.token(request, 'read');
        const text = metricsText(this.#service.app, await this.#service.figures());
        return send(response, 200, text, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
      }
      if (request.method === 'GET' && path === '/v1/events') {
        await this.#guard.token(request, 'read');
        return await this.#watchers.stream(request, response, url.searchParams);
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
    const { name: by } = await this.#guard.token(request, here?.route.scope ?? 'read');
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

  /** To everybody whether it is well; what the database says may hold addresses and names, and is for who may read. */
  async #health(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { ok, words, details } = await this.#service.health();
    const more = details === undefined ? {} : { details };
    const answer = (await this.#guard.mayRead(request))
      ? { ok, words, version: this.#service.version, ...more }
      : { ok, words };
    send(response, ok ? 200 : 503, JSON.stringify(answer));
  }
}
