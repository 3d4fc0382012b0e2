import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
} from 'node:http2';
import { createServer as createHttps } from 'node:https';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { listeningOn } from './load/address.ts';
import { runLoad } from './load/generator.ts';
import { siteReleases, type Site, startHonestSite } from './load/honest-site.ts';
import { assertNothingLost, type Report, withLedger } from './load/report.ts';

const mix = { fetchWithin: 300, uploadTakes: [200, 400], slow: [50, 150], connections: 20, timeout: 5000 } as const;
const shares = { page: 0.55, static: 0.15, slow: 0.05, order: 0.2, upload: 0.05 };
let folder = '';
let key = '';
let cert = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'load-tls-'));
  const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
  const what = ['-subj', '/CN=shop.example.com', '-addext', 'subjectAltName=DNS:shop.example.com', '-days', '2'];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', ...files, ...what],
    { stdio: 'ignore' },
  );
  key = readFileSync(join(folder, 'key.pem'), 'utf8');
  cert = readFileSync(join(folder, 'cert.pem'), 'utf8');
});
after(() => rmSync(folder, { recursive: true }));

/** Runs the load against a server of another kind that answers as the honest site does. */
async function over(
  make: (site: Site) => Server | Http2Server | Http2SecureServer,
  options: { ca?: string; http2?: boolean },
  seconds = 1.5,
): Promise<Report> {
  const site = await startHonestSite();
  const server = make(site);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const load = await runLoad({
    targets: [listeningOn(server)],
    releases: siteReleases,
    seconds,
    mix: { ...mix, shares },
    ...options,
  });
  const report = withLedger(await load.done, site.rows);
  await Promise.all([site.close(), new Promise((resolve) => server.close(resolve))]);
  return report;
}

const handled = (server: Http2Server | Http2SecureServer, { handle }: Site): typeof server =>
  server.on('request', handle);

test('TLS with HTTP/1.1: nothing lost, and a certificate of somebody else is refused', async () => {
  const honest = await over((site) => createHttps({ key, cert, keepAliveTimeout: 0 }, site.handle), { ca: cert });
  assertNothingLost(honest);
  const stranger = await over(({ handle }) => createHttps({ key, cert }, handle), { ca: '' }, 0.3);
  assert.equal(stranger.byKind['could not connect'], stranger.sent);
});

test('HTTP/2 over TLS: nothing lost', async () => {
  const report = await over((site) => handled(createSecureServer({ key, cert }), site), { ca: cert, http2: true });
  assertNothingLost(report);
  assert.equal(report.connections.opened, 20);
});

test('HTTP/2: what GOAWAY refuses is sent again and counted; nothing is lost', async () => {
  const report = await over(
    (site) =>
      handled(createServer(), site).on('session', (session: ServerHttp2Session) => {
        // As a reload does it: what had been taken is answered, what was on its way is refused.
        setTimeout(() => session.close(), 300 + Math.random() * 600);
      }),
    { http2: true },
  );
  assertNothingLost(report);
  assert.ok(report.connections.refused > 0, 'some were refused, and the database has each order once');
  assert.ok(report.connections.opened > 20, 'another session for each that said GOAWAY');
});

test('HTTP/2: a session cut without GOAWAY loses what was on its way', async () => {
  const report = await over(
    (site) =>
      handled(createServer(), site).on('session', (session: ServerHttp2Session) =>
        setTimeout(() => session.destroy(), 200 + Math.random() * 500),
      ),
    { http2: true },
  );
  assert.ok(report.failed.length > 0);
  assert.throws(() => assertNothingLost(report));
});
