import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as allOf } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { setTimeout as rest } from 'node:timers/promises';
import { hashOf, tokenText, type KeptToken, type Scope } from '../../../src/core/api/token.ts';
import { Refusal } from '../../../src/core/failure.ts';
import { openClient } from '../../../src/serve/client/client.ts';
import { firstToken } from '../../../src/serve/http/tokens.ts';
import { listen, type Listening } from '../../../src/serve/http/listen.ts';
import { routes } from '../../../src/serve/http/routes.ts';
import type { StoredEvent } from '../../../src/core/api/told.ts';
import type { JobView } from '../../../src/core/api/views.ts';
import { NotFound, type Service } from '../../../src/serve/service.ts';

const job: JobView = {
  id: '3b241101-e2bb-4255-8caf-4136c566a962',
  schedule: null,
  command: 'prune',
  by: 'ada',
  due: '2026-11-27T00:00:00Z',
  state: 'waiting',
  exit: null,
  words: null,
  commit: null,
  began: null,
  ended: null,
  number: null,
};
const note = (id: number): StoredEvent => ({
  id,
  job: job.id,
  event: { at: '2026-11-27T00:00:00Z', type: 'note', text: `note ${id}` },
});
const last: StoredEvent = { id: 9, job: job.id, event: { at: '2026-11-27T00:00:00Z', type: 'ended', exit: 4 } };

const kept: KeptToken[] = [];
const texts = new Map<Scope, string>();
for (const [at, scope] of (['read', 'operate', 'admin'] as const).entries()) {
  const text = tokenText(new Uint8Array(6).fill(at), new Uint8Array(32).fill(at));
  texts.set(scope, text);
  kept.push({
    id: Buffer.alloc(6, at).toString('hex'),
    name: `t-${scope}`,
    scope,
    hash: hashOf(text),
    made: '2026-11-27T00:00:00Z',
  });
}

/** What answers otherwise than with JSON, or to everybody. */
const OTHERS = ['/v1/events', '/v1/openapi.json', '/health', '/metrics'];
/** How often the events were asked for: the first time the line breaks in the middle. */
let asked: (number | undefined)[] = [];
const never = (): Promise<never> => Promise.reject(new Error('not in this test'));
const service: Service = {
  app: 'shop',
  version: '1',
  schedules: async () => [],
  schedule: async (number) => {
    throw new NotFound(`schedule ${number}`, 'look');
  },
  make: never,
  cancel: never,
  runNow: never,
  pause: never,
  approve: async () => {
    throw new Refusal(3, 'not by you', 'another', ['a detail']);
  },
  plan: never,
  start: async (_order, by) => ({ ...job, by }),
  stop: never,
  jobs: async ({ limit }) => Array.from({ length: Math.min(limit, 2) }, () => job),
  job: async (id) => {
    if (id !== job.id) throw new NotFound(`job ${id}`, 'look');
    return job;
  },
  async *events(from, _job, signal) {
    asked.push(from);
    const all = [1, 2, 3, 4].map(note).filter(({ id }) => id > (from ?? 0));
    for (const each of all) {
      yield each;
      if (asked.length === 1 && each.id === 2) throw new Error('the line breaks');
    }
    if (!signal.aborted) yield last;
  },
  tokens: {
    list: async () => kept,
    first: async () => false,
    put: async (token) => void kept.push(token),
    remove: async (name) => {
      const at = kept.findIndex((token) => token.name === name);
      if (at >= 0) kept.splice(at, 1);
      return at >= 0;
    },
  },
  read: async (what) => ({ what }),
  health: async () => ({ ok: true, words: 'ok' }),
  figures: async () => ({
    rolls: { done: 3, failed: 1 },
    lastRollSeconds: 12,
    rollSecondsSum: 99,
    queued: 0,
    running: 0,
    queueAgeSeconds: 0,
    inRotation: 3,
    outOfRotation: null,
  }),
};

let http: Listening;
before(async () => (http = await listen(service, { host: '127.0.0.1', port: 0 })));
after(() => http.close());

const ask = async (
  path: string,
  { scope, ...init }: RequestInit & { scope?: string } = {},
): Promise<{ status: number; body: any; headers: Headers }> => {
  const token = texts.get(scope as Scope) ?? scope;
  const answer = await fetch(`${http.url}${path}`, {
    ...init,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });
  const text = await answer.text();
  return {
    status: answer.status,
    body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text,
    headers: answer.headers,
  };
};

describe('the API', () => {
  test('lets nobody in without a token, and each only so far as it reaches', async () => {
    for (const { method, path, scope } of routes) {
      const there = path.replace('{number}', '1').replace('{id}', job.id).replace('{name}', 'nobody');
      assert.equal((await ask(there, { method })).status, 401, `${method} ${path}`);
      if (scope === 'read') continue;
      const less = scope === 'admin' ? 'operate' : 'read';
      const { status, body } = await ask(there, { method, scope: less, ...(method === 'POST' ? { body: '{}' } : {}) });
      assert.equal(status, 403, `${method} ${path}`);
      assert.match(body.error.message, new RegExp(`needs ${scope}`));
    }
    assert.equal((await ask('/metrics')).status, 401);
    assert.equal((await ask('/v1/events')).status, 401);
    assert.equal((await ask('/health')).status, 200);
  });

  test('says what it can do, in its own document, of each of its routes', async () => {
    const { body } = await ask('/v1/openapi.json');
    assert.equal(body.openapi, '3.1.0');
    const told = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`),
    );
    assert.deepEqual(
      new Set(told),
      new Set([...routes.map(({ method, path }) => `${method} ${path}`), ...OTHERS.map((path) => `GET ${path}`)]),
    );
    assert.ok(JSON.stringify(body.components.schemas.Order).includes('allowMigration'));
  });

  test('refuses what is no order, no JSON, no path, no number, and too much', async () => {
    const post = (body: string) => ask('/v1/jobs', { method: 'POST', scope: 'operate', body });
    assert.equal((await post('{')).status, 400);
    assert.equal((await post('{"verb":"rm"}')).status, 422);
    const { status, body } = await post('{"verb":"roll","batch":[0],"surprise":1}');
    assert.equal(status, 422);
    assert.match(body.error.details.join(), /batch\.0/);
    assert.equal((await post(`{"verb":"roll","ref":"${'a'.repeat(300_000)}"}`)).status, 413);
    assert.equal((await ask('/v1/nothing', { scope: 'read' })).status, 404);
    assert.equal((await ask('/v1/schedules/0', { scope: 'read' })).status, 422);
    assert.equal((await ask('/v1/schedules/7', { scope: 'read' })).status, 404);
    assert.equal((await ask('/v1/jobs?limit=99999999', { scope: 'read' })).status, 422);
    assert.equal((await ask('/v1/status', { method: 'DELETE', scope: 'admin' })).status, 405);
    assert.equal((await ask('/v1/%', { scope: 'read' })).status, 404);
    assert.equal((await ask('/v1/events?after=-1', { scope: 'read' })).status, 400);
  });

  test('an order is the token’s; a refusal is told as it is typed', async () => {
    const started = await ask('/v1/jobs', { method: 'POST', scope: 'operate', body: '{"verb":"roll","ref":"v2"}' });
    assert.deepEqual([started.status, started.body.by], [202, 't-operate']);
    const refused = await ask('/v1/schedules/1/approve', { method: 'POST', scope: 'operate' });
    assert.equal(refused.status, 409);
    assert.deepEqual(refused.body.error, { exit: 3, message: 'not by you', next: 'another', details: ['a detail'] });
  });

  test('a token is shown once, kept as its hash, and good until it is revoked', async () => {
    const make = () => ask('/v1/tokens', { method: 'POST', scope: 'admin', body: '{"name":"ci","scope":"read"}' });
    const { status, body } = await make();
    assert.equal(status, 201);
    assert.ok(!JSON.stringify(kept).includes(body.token));
    assert.equal((await ask('/v1/jobs', { scope: body.token })).status, 200);
    assert.equal((await make()).status, 422, 'the name is taken');
    assert.ok(!JSON.stringify((await ask('/v1/tokens', { scope: 'admin' })).body).includes('hash'));
    assert.equal((await ask('/v1/tokens/ci', { method: 'DELETE', scope: 'admin' })).status, 200);
    assert.equal((await ask('/v1/jobs', { scope: body.token })).status, 401);
  });

  test('a token that expires is good until then, and told to have expired to who has it', async () => {
    const expires = new Date(Date.now() + 1500).toISOString();
    const make = (name: string, at: string) =>
      ask('/v1/tokens', {
        method: 'POST',
        scope: 'admin',
        body: JSON.stringify({ name, scope: 'read', expires: at }),
      });
    const { status, body } = await make('brief', expires);
    assert.deepEqual([status, body.expires], [201, expires]);
    assert.equal((await ask('/v1/jobs', { scope: body.token })).status, 200);
    const listed = (await ask('/v1/tokens', { scope: 'admin' })).body;
    assert.equal(listed.find(({ name }: { name: string }) => name === 'brief').expires, expires);
    await rest(1600);
    const refused = await ask('/v1/jobs', { scope: body.token });
    assert.equal(refused.status, 401);
    assert.match(refused.body.error.message, new RegExp(`The token brief has expired: ${expires}`));
    const guessed = await ask('/v1/jobs', { scope: `${body.token.slice(0, -3)}AAA` });
    assert.equal(guessed.body.error.message, 'The token is good for nothing here.');
    assert.equal((await make('late', '2020-01-01T00:00:00Z')).status, 422);
    assert.equal((await ask('/v1/tokens/brief', { method: 'DELETE', scope: 'admin' })).status, 200);
  });

  test('a stream ends when its token is revoked', { timeout: 20_000 }, async () => {
    const quiet: Service = {
      ...service,
      async *events(_from, _job, signal) {
        yield note(1);
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      },
    };
    const other = await listen(quiet, { host: '127.0.0.1', port: 0, beat: 50 });
    try {
      const { body } = await ask('/v1/tokens', {
        method: 'POST',
        scope: 'admin',
        body: '{"name":"eve","scope":"read"}',
      });
      const stream = await fetch(`${other.url}/v1/events`, { headers: { authorization: `Bearer ${body.token}` } });
      assert.equal(stream.status, 200);
      assert.equal((await ask('/v1/tokens/eve', { method: 'DELETE', scope: 'admin' })).status, 200);
      assert.match(await stream.text(), /note 1/);
    } finally {
      await other.close();
    }
  });

  test('what is no path at all is refused, and is no fault', { timeout: 20_000 }, async () => {
    const socket = connect(Number(new URL(http.url).port), '127.0.0.1');
    socket.write('GET // HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    assert.match(await allOf(socket), /^HTTP\/1\.1 400 /);
  });

  test('the first token is in a file for its owner alone, in a folder that may not be there yet', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'orchestrate-first-'));
    try {
      const file = join(folder, 'new', 'admin.token');
      const stored: KeptToken[] = [];
      const tokens = {
        list: async () => stored,
        first: async (token: KeptToken) => stored.length === 0 && stored.push(token) > 0,
        put: async (token: KeptToken) => void stored.push(token),
        remove: async () => false,
      };
      await assert.rejects(firstToken(tokens, join(folder, 'new\0', 'x')));
      assert.equal(stored.length, 0, 'none is kept that nobody has');
      assert.equal(await firstToken(tokens, file), 'made');
      assert.equal(hashOf((await readFile(file, 'utf8')).trim()), stored[0]?.hash);
      assert.equal((await stat(file)).mode & 0o777, 0o600);
      assert.equal(await firstToken(tokens, file), 'there');
      assert.deepEqual(await readdir(join(folder, 'new')), ['admin.token']);
      // One that died before its file had its name.
      await rename(file, `${file}.${stored[0]?.id}`);
      assert.equal(await firstToken(tokens, file), 'there');
      assert.equal(hashOf((await readFile(file, 'utf8')).trim()), stored[0]?.hash);
      await rm(file);
      assert.equal(await firstToken(tokens, file), 'elsewhere');
      // Another was quicker: its own is not left behind.
      const late = { ...tokens, list: async () => [] };
      assert.equal(await firstToken(late, file), 'elsewhere');
      assert.deepEqual(await readdir(join(folder, 'new')), []);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('tells everybody whether it is well, and why not only to who may read, also while tokens can not be read', async () => {
    const away = (): Promise<never> => Promise.reject(new Error('connect ECONNREFUSED 10.0.0.5:5432'));
    const state = { away: false };
    const ill: Service = {
      ...service,
      tokens: { ...service.tokens, list: () => (state.away ? away() : service.tokens.list()) },
      health: async () =>
        state.away
          ? { ok: false, words: 'the database does not answer', details: 'connect ECONNREFUSED 10.0.0.5:5432' }
          : { ok: true, words: 'ok' },
    };
    const other = await listen(ill, { host: '127.0.0.1', port: 0 });
    const health = async (token?: string): Promise<unknown> => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const answer = await fetch(`${other.url}/health`, { headers });
      return [answer.status, await answer.json()];
    };
    try {
      assert.deepEqual(await health(), [200, { ok: true, words: 'ok' }]);
      assert.deepEqual(await health(texts.get('read')), [200, { ok: true, words: 'ok', version: '1' }]);
      state.away = true;
      const words = 'the database does not answer';
      const plain = [503, { ok: false, words }];
      assert.deepEqual(await health(), plain);
      assert.deepEqual(await health(`${texts.get('read')?.slice(0, -3)}BBB`), plain, 'a guess is nobody');
      assert.deepEqual(await health(texts.get('read')), [
        503,
        { ok: false, words, version: '1', details: 'connect ECONNREFUSED 10.0.0.5:5432' },
      ]);
    } finally {
      await other.close();
    }
  });

  test('figures for Prometheus', async () => {
    const { body } = await ask('/metrics', { scope: 'read' });
    assert.match(body, /^orchestrate_rolls_total\{app="shop"\} 3$/m);
    assert.doesNotMatch(body, /out_of_rotation/);
  });

  test('elsewhere than on this machine only with TLS, or by a person’s word', async () => {
    await assert.rejects(listen(service, { host: '0.0.0.0', port: 0 }), /in the clear/);
    const open = await listen(service, { host: '0.0.0.0', port: 0, plain: true });
    await open.close();
  });

  test('too many wrong tokens of one address are told to wait; the right one is let in', async () => {
    let status = 0;
    for (let times = 0; times < 60 && status !== 429; times += 1)
      // oxlint-disable-next-line no-await-in-loop
      ({ status } = await ask('/v1/jobs', { scope: 'wrong' }));
    assert.equal(status, 429);
    assert.equal((await ask('/v1/jobs', { scope: 'read' })).status, 200);
  });
});

describe('the client', () => {
  test('goes on after a line that broke: each event once, until the job’s last', { timeout: 30_000 }, async () => {
    asked = [];
    const client = openClient(http.url, texts.get('read'));
    const found: number[] = [];
    for await (const { id } of client.events(0, job.id, new AbortController().signal)) found.push(id);
    assert.deepEqual(found, [1, 2, 3, 4, 9]);
    assert.deepEqual(asked, [0, 2]);
  });

  test('waits for a service whose database is away', { timeout: 30_000 }, async () => {
    let times = 0;
    const server = createServer((_request, response) => {
      times += 1;
      response.writeHead(times === 1 ? 500 : 200);
      response.end(
        times === 1
          ? '{"error":{"exit":1,"message":"a fault","next":"look","details":[]}}'
          : `id: 9\ndata: ${JSON.stringify(last)}\n\n`,
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const address = server.address();
      const port = typeof address === 'object' ? address?.port : 0;
      const client = openClient(`http://127.0.0.1:${port}`, 'x');
      const found: number[] = [];
      for await (const { id } of client.events(0, job.id, new AbortController().signal)) found.push(id);
      assert.deepEqual([found, times], [[9], 2]);
    } finally {
      server.close();
    }
  });

  test('refuses in the service’s words, and says where nobody answers', async () => {
    const client = openClient(http.url, texts.get('operate'));
    await assert.rejects(client.ask('POST', '/v1/schedules/1/approve'), (error: Refusal) => {
      assert.deepEqual(
        [error.exit, error.message, error.next, error.details],
        [3, 'not by you', 'another', ['a detail']],
      );
      return true;
    });
    await assert.rejects(openClient('http://127.0.0.1:1', 'x').ask('GET', '/v1/jobs'), /does not answer/);
    assert.throws(() => openClient('ftp://x', 'x'), /no address of a service/);
  });
});
