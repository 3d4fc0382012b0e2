import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import type { StoredEvent } from '../../src/core/api/told.ts';
import { hashOf, tokenText } from '../../src/core/api/token.ts';
import { listen } from '../../src/serve/http/listen.ts';
import type { Service } from '../../src/serve/service.ts';
import { makeCertificate } from '../fleet/hosts/certificate.ts';
import { freePort, template } from '../remote/stand.ts';

const HOST = 'deploy.shop.example';
const TOKEN = tokenText(new Uint8Array(6), new Uint8Array(32).fill(7));
const STORED: StoredEvent = {
  id: 1,
  job: '3b241101-e2bb-4255-8caf-4136c566a962',
  event: { at: '2026-11-27T00:00:00Z', type: 'note', text: 'as it happens' },
};

/** Well, and tells one event of something that goes on. */
const service = {
  app: 'shop',
  version: '1',
  tokens: {
    list: async () => [
      { id: '000000000000', name: 'ada', scope: 'read', hash: hashOf(TOKEN), made: '2026-11-27T00:00:00Z' },
    ],
  },
  health: async () => ({ ok: true, words: 'ok' }),
  async *events(_after: number | undefined, _job: string | undefined, signal: AbortSignal) {
    yield STORED;
    if (!signal.aborted) await once(signal, 'abort');
  },
} as unknown as Service;

/** What an administrator installs for a service, read by the programs that it is for. */
describe('templates of the service', () => {
  test(
    'systemd reads its unit without a word',
    { skip: existsSync('/usr/bin/systemd-analyze') ? false : 'this machine has no systemd-analyze' },
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'orchestrate-unit-'));
      try {
        const unit = join(folder, 'orchestrate.service');
        await writeFile(unit, template('orchestrate.service'));
        const args = ['verify', '--man=no', '--recursive-errors=no', unit];
        const said = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
        const about = `${said.stdout}${said.stderr}`.split('\n').filter((line) => line.includes('orchestrate'));
        assert.deepEqual([said.status, about], [0, []], said.stderr);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  );

  test('Nginx takes its site, and passes on at once what the service tells', { timeout: 60_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'orchestrate-site-'));
    const http = await listen(service, { host: '127.0.0.1', port: 0 });
    const port = await freePort();
    const { certificate } = await makeCertificate(folder, HOST);
    const names = [
      ['listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`],
      ['/etc/ssl/deploy.example.com.pem', join(folder, 'shop.pem')],
      ['/etc/ssl/private/deploy.example.com.key', join(folder, 'shop.key')],
      ['deploy.example.com', HOST],
      ['http://127.0.0.1:7260', http.url],
    ] as const;
    let site = template('orchestrate-site.conf');
    for (const [name, own] of names) {
      assert.ok(site.includes(name), name);
      site = site.replaceAll(name, own);
    }
    const file = join(folder, 'nginx.conf');
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((of) => `${of}_temp_path ${folder};`);
    await writeFile(
      file,
      `daemon off; pid ${folder}/pid; error_log stderr; events {} http { access_log off; ${paths.join(' ')}\n${site} }\n`,
    );
    const checked = spawnSync('/usr/sbin/nginx', ['-t', '-q', '-p', folder, '-c', file], { encoding: 'utf8' });
    // As root it says that `user` is the default: of the site not a word.
    assert.deepEqual([checked.status, checked.stderr], [0, ''], checked.stderr);
    const nginx = spawn('/usr/sbin/nginx', ['-p', folder, '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    nginx.stderr.setEncoding('utf8').on('data', (words: string) => (said += words));
    const ask = async (path: string): Promise<IncomingMessage> => {
      for (let tries = 0; ; tries += 1) {
        const asked = request({
          host: '127.0.0.1',
          port,
          path,
          servername: HOST,
          ca: certificate,
          headers: { host: HOST, authorization: `Bearer ${TOKEN}` },
        }).end();
        try {
          const [answer] = (await once(asked, 'response')) as [IncomingMessage];
          return answer;
        } catch (error) {
          if (tries > 50) throw new Error(said, { cause: error });
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    };
    try {
      const health = await ask('/health');
      assert.deepEqual(
        [health.statusCode, JSON.parse(await text(health))],
        [200, { ok: true, words: 'ok', version: '1' }],
      );
      const stream = await ask('/v1/events');
      let heard = '';
      // It goes on: what comes did not wait for its end.
      for await (const piece of stream.setEncoding('utf8')) if ((heard += piece).includes('as it happens')) break;
      assert.match(heard, /^:\n\nid: 1\ndata: \{/);
    } finally {
      nginx.kill('SIGTERM');
      if (nginx.exitCode === null) await once(nginx, 'exit');
      await http.close();
      await rm(folder, { recursive: true });
    }
  });
});
