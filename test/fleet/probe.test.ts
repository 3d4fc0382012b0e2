import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { createServer as createTcp } from 'node:net';
import type { Server } from 'node:net';
import { Duplex, PassThrough } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import type { ProbeAnswer, ProbeRequest, Remote } from '../../src/fleet/ports.ts';
import { openProbe } from '../../src/fleet/probe.ts';
import { openSsh } from '../../src/fleet/ssh.ts';
import { environment, freePort, startSshd } from './sshd.ts';
import type { Sshd } from './sshd.ts';

const site: RequestListener = (request, response) => {
  const { url, headers } = request;
  if (url === '/slow') return;
  if (url === '/redirect') response.writeHead(301, { location: 'https://elsewhere/' });
  if (url === '/large') for (let i = 0; i < 100; i += 1) response.write('é'.repeat(1000));
  if (url === '/endless') response.write('begun');
  else if (url === '/cut') {
    response.writeHead(200, { 'content-length': 100 });
    response.write('begun', () => request.socket.destroy());
  } else response.end(`${request.method} ${url} for ${headers.host}, ${String(headers['x-forwarded-proto'])}`);
};

let sshd: Sshd;
let closed: Sshd;
let remote: Remote;
let web: Server;
before(async () => {
  web = createServer(site).listen(0, '127.0.0.1');
  [sshd, closed] = await Promise.all([startSshd(), startSshd(() => ['AllowTcpForwarding no'])]);
  const dead = sshd.host('lb3', { port: await freePort() });
  remote = openSsh([sshd.host('lb1'), closed.host('lb2'), dead], { concurrency: 4, environment, agent: false });
});
after(async () => {
  await remote.close();
  await Promise.all([sshd.stop(), closed.stop()]);
  web.close();
});

const portOf = (server: Server): number => {
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
};
const reason = (answer: ProbeAnswer): string =>
  answer.kind === 'no answer' ? answer.reason : `answered with ${answer.status}`;

for (const through of ['lb1', undefined]) {
  const ask = (path: string, more: Partial<ProbeRequest> = {}): Promise<ProbeAnswer> =>
    openProbe(remote).ask({
      ...(through === undefined ? {} : { through }),
      address: '127.0.0.1',
      port: portOf(web),
      path,
      host: 'shop.example.com',
      headers: { 'X-Forwarded-Proto': 'https' },
      timeout: 3000,
      ...more,
    });

  describe(through === undefined ? 'from this machine' : 'through an ssh link', () => {
    test('one GET with the Host header and what else is asked for', async () => {
      const answer = await ask('/healthz?deep=1');
      assert.ok(answer.kind === 'answered', JSON.stringify(answer));
      assert.equal(answer.status, 200);
      assert.equal(answer.body, 'GET /healthz?deep=1 for shop.example.com, https');
      assert.ok(answer.took > 0 && answer.took < 3000);
    });

    test('a redirect is told, not followed', async () => {
      const answer = await ask('/redirect');
      assert.ok(answer.kind === 'answered');
      assert.deepEqual([answer.status, answer.location], [301, 'https://elsewhere/']);
    });

    test('of a large body the start is kept', async () => {
      const answer = await ask('/large');
      assert.ok(answer.kind === 'answered');
      assert.equal(answer.body, 'é'.repeat(2000));
    });

    test('what gives no whole answer in time is no answer', async () => {
      assert.match(reason(await ask('/slow', { timeout: 150 })), /no answer from 127\.0\.0\.1:\d+ within 0\.15 s/);
      assert.match(reason(await ask('/endless', { timeout: 150 })), /within 0\.15 s/);
      assert.match(reason(await ask('/cut')), /status 200\) broke off/);
    });

    test('a closed port, a reset, and what is no HTTP', async (t) => {
      assert.match(reason(await ask('/', { port: await freePort() })), /refused/i);
      const listen = async (server: Server): Promise<number> => {
        t.after(() => server.close());
        await once(server.listen(0, '127.0.0.1'), 'listening');
        return portOf(server);
      };
      const reset = await listen(createTcp((socket) => socket.resetAndDestroy()));
      const other = await listen(createTcp((socket) => void socket.on('error', () => {}).write('SSH-2.0-none\r\n')));
      assert.match(reason(await ask('/', { port: reset })), /closed the connection without an answer|reset by peer/);
      assert.match(reason(await ask('/', { port: other })), /is not HTTP/);
    });

    test('many at once, each on its own', async () => {
      const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => ask(`/${i}`)));
      const bodies = answers.map((answer) => (answer.kind === 'answered' ? answer.body.split(' ')[1] : answer.reason));
      assert.deepEqual(
        bodies,
        answers.map((_, i) => `/${i}`),
      );
    });

    test('an IPv6 address', async (t) => {
      const six = createServer(site).listen(0, '::1');
      try {
        await once(six, 'listening');
      } catch {
        t.skip('no IPv6 here');
        return;
      }
      const answer = await ask('/six', { address: '::1', port: portOf(six) });
      assert.equal(answer.kind, 'answered', JSON.stringify(answer));
      six.close();
    });
  });
}

test('a host that allows no tunnels, and one that is not there, are named', async () => {
  const request = { address: '127.0.0.1', port: portOf(web), path: '/', host: 'x', headers: {}, timeout: 3000 };
  const refused = reason(await openProbe(remote).ask({ ...request, through: 'lb2' }));
  assert.match(refused, /^lb2: its sshd refuses tunnels \(AllowTcpForwarding/);
  assert.match(reason(await openProbe(remote).ask({ ...request, through: 'lb3' })), /lb3 \(.*refused the connection/);
});

test('a stream that closes before it is used is no answer, and no endless loop', async () => {
  const gone = { tunnel: () => Promise.resolve(new PassThrough().destroy()) };
  const request = {
    through: 'lb1',
    address: '10.0.0.11',
    port: 8000,
    path: '/',
    host: 'x',
    headers: {},
    timeout: 3000,
  };
  assert.equal(reason(await openProbe(gone).ask(request)), '10.0.0.11:8000 closed the connection without an answer');
});

test('one that speaks before it is asked is told for what it is', async () => {
  const eager = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
  eager.push('SSH-2.0-none\r\n');
  const request = { through: 'lb1', address: '10.0.0.11', port: 22, path: '/', host: 'x', headers: {}, timeout: 3000 };
  const answer = await openProbe({ tunnel: () => Promise.resolve(eager) }).ask(request);
  assert.match(reason(answer), /^what 10\.0\.0\.11:22 answers is not HTTP/);
});
