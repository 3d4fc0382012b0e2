import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, before, describe, test } from 'node:test';
import type { Event } from '../../src/core/event.ts';
import { Moments } from '../../src/core/moments.ts';
import { openPost } from '../../src/fleet/post.ts';
import { Webhooks } from '../../src/tell/webhooks.ts';
import { batch, began, failed, finished, rotation } from './world.ts';

interface Got {
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

let ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends) end();
  ends = [];
});

/** A receiver; `answer` gives the status of the n-th request (0: it never answers, -1: it hangs up), so many milliseconds later. */
async function receiver(answer: (n: number) => number = () => 200, after = 0): Promise<{ url: string; got: Got[] }> {
  const got: Got[] = [];
  const server = http.createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      got.push({ url: request.url ?? '', headers: request.headers, body });
      const status = answer(got.length);
      if (status === -1) request.socket.destroy();
      else if (status > 0)
        setTimeout(() => response.writeHead(status, { location: '/elsewhere' }).end('thank you'), after);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/services/T0/secret?x=1`, got };
}

type Notify = ConstructorParameters<typeof Webhooks>[0][number];
const ALL = ['started', 'batch', 'failed', 'finished'] as const;

function hooksOf(notify: readonly (Partial<Notify> & { webhook: string })[], timeout = 2000) {
  const { post, close } = openPost();
  ends.push(() => void close());
  const webhooks = new Webhooks(
    notify.map((each) => ({ on: ALL, format: 'json', ...each })),
    {
      post,
      timeout,
      waits: [20, 40, 80],
      secret: (file) =>
        file === '/none' ? Promise.reject(new Error(`its secret_file ${file} can't be read`)) : Promise.resolve('key'),
    },
  );
  const moments = new Moments();
  return {
    end: (within: number) => webhooks.end(within),
    tell: (...events: Event[]) => {
      for (const event of events) for (const moment of moments.tell(event)) webhooks.tell(moment);
    },
  };
}

const kinds = (got: readonly Got[]): (string | string[] | undefined)[] =>
  got.map(({ headers }) => headers['x-orchestrate-event']);
const one = (number: number): Event[] => [batch(number, 9, ['web1']), rotation(['web1'])];

describe('webhooks', () => {
  // It takes its time on a machine that has none, and is not what is measured here.
  before(() => import('undici'));

  test('are told what they asked for, in order, signed over the very bytes', async () => {
    const all = await receiver();
    const some = await receiver();
    const { tell, end } = hooksOf([
      { webhook: all.url, secret_file: '/key' },
      { webhook: some.url, on: ['finished'], format: 'slack' },
    ]);
    tell(began(['web1']), ...one(1), failed(['SECRET_KEY=abc']), finished({}, 1));
    assert.deepEqual(await end(10_000), []);
    assert.deepEqual(kinds(all.got), ['started', 'batch', 'failed', 'finished']);
    for (const { url, headers, body } of all.got) {
      assert.equal(url, '/services/T0/secret?x=1');
      assert.equal(headers['content-type'], 'application/json');
      const signature = createHmac('sha256', 'key').update(body).digest('hex');
      assert.equal(headers['x-orchestrate-signature'], `sha256=${signature}`);
      assert.equal((JSON.parse(body) as { id: string }).id, headers['x-orchestrate-delivery']);
      assert.doesNotMatch(body, /SECRET_KEY/);
    }
    assert.equal(new Set(all.got.map(({ headers }) => headers['x-orchestrate-delivery'])).size, 4);
    assert.deepEqual(
      some.got.map(({ headers, body }) => [headers['x-orchestrate-signature'], JSON.parse(body) as unknown]),
      [[undefined, { text: ':rotating_light: shop: Done: v2 (`roll --ref v2` by ada@laptop, exit 1)' }]],
    );
  });

  test('are told again after an error, a hang-up or no answer, under the same id', async () => {
    const { url, got } = await receiver((n) => [503, -1, 0, 429, 200][n - 1] ?? 200);
    const { tell, end } = hooksOf([{ webhook: url, on: ['started', 'finished'] }], 500);
    tell(began(['web1']), finished());
    assert.match((await end(10_000)).join(), /was not told of: started\. The last reason: it answered 429/);
    assert.deepEqual(kinds(got), ['started', 'started', 'started', 'started', 'finished']);
    assert.equal(new Set(got.slice(0, 4).map(({ headers }) => headers['x-orchestrate-delivery'])).size, 1);
  });

  test('are not told again what they refuse, and not followed elsewhere', async () => {
    const gone = await receiver(() => 410);
    const moved = await receiver(() => 302);
    const { tell, end } = hooksOf([{ webhook: gone.url }, { webhook: moved.url }]);
    tell(began(['web1']));
    const said = await end(10_000);
    assert.match(
      said[0] ?? '',
      /^notify\[0\] \(127\.0\.0\.1:\d+\) was not told of: started\. The last reason: it answered 410$/,
    );
    assert.match(said[1] ?? '', /it answered 302/);
    assert.deepEqual([gone.got.length, moved.got.length], [1, 1]);
    assert.doesNotMatch(said.join(), /secret/);
  });

  test('one that is dead or never answers holds nobody, and the end comes in bounded time', async () => {
    const never = await receiver(() => 0);
    const well = await receiver();
    const { tell, end } = hooksOf(
      [
        { webhook: never.url },
        { webhook: 'http://127.0.0.1:9/x' },
        { webhook: well.url },
        { webhook: 'http://nowhere.invalid/' },
      ],
      60_000,
    );
    // Far below the minute for which one may be waited for, and far above what a busy machine adds.
    const since = performance.now();
    tell(began(['web1']), ...one(1), ...one(2), finished());
    assert.ok(performance.now() - since < 10_000);
    const said = await end(1000);
    assert.ok(performance.now() - since < 20_000);
    assert.deepEqual(kinds(well.got), ['started', 'batch', 'batch', 'finished']);
    assert.match(said[0] ?? '', /was not told of: started, batch 1, batch 2, finished\. The last reason: /);
    assert.match(said[1] ?? '', /nothing listens there/);
    assert.equal(said.length, 3);
  });

  test('a slow one hears of the end all the same: batches are left out when the time grows short', async () => {
    const { url, got } = await receiver(() => 200, 400);
    const { tell, end } = hooksOf([{ webhook: url }], 3000);
    tell(began(['web1']), ...Array.from({ length: 9 }, (_, n) => one(n + 1)).flat(), finished());
    assert.match(
      (await end(2400)).join(),
      /was not told of: batch \d, (batch \d, )*batch 9\. The last reason: there was no time/,
    );
    assert.deepEqual([kinds(got)[0], kinds(got).at(-1)], ['started', 'finished']);
  });

  test('nothing is sent unsigned where a key is asked for and is not there', async () => {
    const { url, got } = await receiver();
    const { tell, end } = hooksOf([{ webhook: url, secret_file: '/none' }]);
    tell(began(['web1']));
    assert.match((await end(500)).join(), /its secret_file \/none can't be read/);
    assert.equal(got.length, 0);
  });
});
