import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { z } from 'zod';
import type { Event } from '../../../src/core/event.ts';
import type { History } from '../../../src/core/history.ts';
import { StreamReader } from '../../../src/core/api/stream.ts';
import { storedEventSchema } from '../../../src/core/api/told.ts';
import { healthSchema, problemSchema, type JobView, type ScheduleView } from '../../../src/core/api/views.ts';
import { judge } from '../../../src/core/verdict/judge.ts';
import { readingOf } from '../../../src/core/verdict/reading.ts';
import { Daemon } from '../../../src/serve/daemon.ts';
import { listen, type Listening } from '../../../src/serve/http/listen.ts';
import { openApi } from '../../../src/serve/http/openapi.ts';
import { routes, type Route } from '../../../src/serve/http/routes.ts';
import { makeToken } from '../../../src/serve/http/tokens.ts';
import { written } from '../../core/inventory/world.ts';
import { judgeOf, stratum, sums, window } from '../../core/verdict/windows.ts';
import { livelyFleet, silent } from '../lively.ts';

/** Real answers of a real service, whose fleet is simulated, held against what the OpenAPI document promises. */
describe('what the API answers', () => {
  let folder: string;
  let daemon: Daemon;
  let http: Listening;
  const { fleet, open, end } = livelyFleet();
  const tokens: Record<string, string> = {};
  const asked = new Set<Route>();

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'orchestrate-answers-'));
    const inventory = join(folder, 'inventory.yaml');
    await writeFile(inventory, written({}));
    daemon = await Daemon.open({
      inventory,
      data: join(folder, 'data'),
      version: '1',
      say: () => {},
      openFleet: open,
      openBeside: () => silent,
    });
    for (const [name, scope] of [
      ['ada', 'admin'],
      ['bob', 'operate'],
    ] as const)
      tokens[name] = (await makeToken(daemon.tokens, { name, scope })).token;
    http = await listen(daemon, { host: '127.0.0.1', port: 0 });
  });
  after(async () => {
    await http.close();
    await daemon.close();
    end();
    await rm(folder, { recursive: true, force: true });
  });

  const send = (method: string, path: string, body: unknown, by = 'ada'): Promise<Response> =>
    fetch(`${http.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${tokens[by]}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  /** Whole: nothing lacks, and nothing is there that is not told. */
  function holds(schema: z.ZodType, value: unknown, what: string): void {
    const read = schema.safeParse(value);
    assert.ok(read.success, `${what}: ${read.error?.message}\n${JSON.stringify(value)}`);
    assert.deepEqual(value, read.data, `${what} has more than it tells`);
  }

  /** Asks, and holds the answer against its route's schema. */
  async function ask<T>(
    method: Route['method'],
    pattern: string,
    more: { path?: string; body?: unknown; by?: string } = {},
  ): Promise<T> {
    const route = routes.find((each) => each.method === method && each.path === pattern);
    assert.ok(route !== undefined, `${method} ${pattern}`);
    const answer = await send(method, more.path ?? pattern, more.body, more.by);
    const value: unknown = await answer.json();
    assert.equal(answer.status, route.status ?? 200, JSON.stringify(value));
    holds(route.answer, value, `${method} ${pattern}`);
    asked.add(route);
    return value as T;
  }

  test('is what the document says, of every route', { timeout: 110_000 }, async () => {
    await ask('GET', '/v1/status');
    await ask('GET', '/v1/windows');
    await ask('GET', '/v1/releases');
    const order = { verb: 'roll', ref: '2' };
    await ask('POST', '/v1/plan', { body: order });
    const { id } = await ask<JobView>('POST', '/v1/jobs', { body: order, by: 'bob' });
    const stream = await send('GET', `/v1/events?after=0&job=${id}`, undefined);
    const told: Event[] = [];
    for (const { id: at, data } of new StreamReader().read(await stream.text())) {
      const stored: unknown = JSON.parse(data);
      holds(storedEventSchema, stored, 'an event');
      const { id: number, event } = storedEventSchema.parse(stored);
      assert.equal(at, String(number));
      told.push(event as Event);
    }
    for (const type of ['began', 'phase', 'step', 'rotation', 'finished', 'ended'])
      assert.ok(
        told.some((event) => event.type === type),
        type,
      );
    await ask('GET', '/v1/jobs/{id}', { path: `/v1/jobs/${id}` });
    await ask('POST', '/v1/jobs/{id}/stop', { path: `/v1/jobs/${id}/stop` });
    await ask('GET', '/v1/jobs', { path: '/v1/jobs?limit=5' });
    fleet.past.set(1, told.slice(0, -1));
    fleet.past.set(2, told.slice(0, 3));
    const { commands } = await ask<History>('GET', '/v1/history');
    assert.deepEqual(new Set(commands.map(({ state }) => state)), new Set(['ended', 'died']));
    await ask('GET', '/v1/status');
    await ask('POST', '/v1/plan', { body: { verb: 'rollback' } });

    const wish = { order, when: { cron: '0 2 * * tue' }, needsApproval: true };
    const { number } = await ask<ScheduleView>('POST', '/v1/schedules', { body: wish });
    const of = (what: string) => ({ path: `/v1/schedules/${number}${what}` });
    await ask('GET', '/v1/schedules/{number}', of(''));
    await ask('POST', '/v1/schedules/{number}/pause', of('/pause'));
    await ask('POST', '/v1/schedules/{number}/continue', of('/continue'));
    await ask('POST', '/v1/schedules/{number}/approve', { ...of('/approve'), by: 'bob' });
    await ask('POST', '/v1/schedules/{number}/run-now', of('/run-now'));
    await ask('POST', '/v1/schedules/{number}/cancel', of('/cancel'));
    await ask('GET', '/v1/schedules', { path: '/v1/schedules?all=1' });

    const expires = '2099-01-01T00:00:00Z';
    await ask('POST', '/v1/tokens', { body: { name: 'ci', scope: 'read', expires } });
    await ask('GET', '/v1/tokens');
    await ask('DELETE', '/v1/tokens/{name}', { path: '/v1/tokens/ci' });

    for (const answer of [await fetch(`${http.url}/health`), await send('GET', '/health', undefined)])
      holds(healthSchema, await answer.json(), 'its health');
    const named = ({ method, path }: Route): string => `${method} ${path}`;
    assert.deepEqual([...asked].map(named).toSorted(), routes.map(named).toSorted(), 'each was asked');
  });

  test('is a problem of one shape, whatever is wrong', async () => {
    const wrong = [
      ['GET', '/v1/jobs/none', undefined, 404],
      ['GET', '/v1/schedules/0', undefined, 422],
      ['POST', '/v1/jobs', { verb: 'rm' }, 422],
      ['DELETE', '/v1/jobs', undefined, 405],
      ['POST', '/v1/plan', { verb: 'drain', names: ['web9'] }, 422],
      ['GET', '/v1/events?after=x', undefined, 400],
    ] as const;
    for (const [method, path, body, status] of wrong) {
      const answer = await send(method, path, body);
      assert.equal(answer.status, status, path);
      holds(problemSchema, await answer.json(), path);
    }
  });

  test('has schemas that lead somewhere, in a document of its own', () => {
    const document = JSON.stringify(openApi('1'));
    const { components } = JSON.parse(document) as { components: Record<string, Record<string, unknown>> };
    for (const [, kind = '', name = ''] of document.matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g))
      assert.ok(components[kind]?.[name] !== undefined, `${kind} ${name}`);
    assert.doesNotMatch(document, /\$defs/);
  });

  test('of a canary is told as its judge has it', () => {
    const at = '2026-11-27T00:00:00.000Z';
    const bad = window(0, stratum(sums(200, 60, [80, 90]), sums(200, 0, [80, 90])));
    for (const now of [judgeOf(), judge(judgeOf(), bad)]) {
      const event = {
        at,
        type: 'canary',
        release: 'r',
        baseline: 's',
        share: 10,
        lasted: 0,
        hold: 60,
        reading: readingOf(now),
      };
      const stored = { id: 1, job: '3b241101-e2bb-4255-8caf-4136c566a962', event };
      holds(storedEventSchema, JSON.parse(JSON.stringify(stored)), 'a canary');
    }
  });
});
