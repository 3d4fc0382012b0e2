import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { script } from '../../src/fleet/scripts.ts';
import { KEY, RELEASE, SITE, Workshop } from './workshop.ts';

const GUNICORN = 'gunicorn site_wsgi --workers 1 --bind $BIND';

describe('rehearsing a release', () => {
  const shop = new Workshop();
  const root = shop.path('srv');
  before(() => {
    shop.release('srv', RELEASE, { ...SITE, 'broken_wsgi.py': 'import nothing_of_that_name\n' });
    shop.write('srv/shared', { env: 'SECRET_KEY=from the file\n' });
  });
  after(() => shop.close());
  const words = (command: string, ...asked: string[]) => [root, RELEASE, 'repository', KEY, 'env', command, ...asked];
  const rehearse = (command: string, ...asked: string[]) => shop.run('rehearse', words(command, ...asked));

  /** Processes that run in the release's folder. */
  const left = (): string[] =>
    readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .filter((pid) => {
        try {
          return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`VIRTUAL_ENV=${root}`);
        } catch {
          return false;
        }
      });
  const noneLeft = async (): Promise<void> => {
    for (let n = 0; n < 100 && left().length > 0; n += 1) await sleep(50);
    assert.deepEqual(left(), []);
  };

  it('starts it, asks it and ends it', async () => {
    const ended = await rehearse(
      GUNICORN,
      '/healthz',
      'shop.example.com',
      '200',
      'X-Forwarded-Proto: https',
      '--',
      '/',
    );
    assert.equal(ended.code, 0, ended.err);
    assert.match(ended.out, /^it starts and answers 200 on \/healthz after \d+\.\d s\n$/);
    await noneLeft();
  });

  it('takes any answer where only the start is asked for', async () => {
    assert.match((await rehearse(GUNICORN)).out, /^it starts and answers after/);
  });

  it('tells of an import that crashes, with the application’s own words', async () => {
    const ended = await rehearse('gunicorn broken_wsgi --workers 1 --bind $BIND');
    assert.equal(ended.code, 1);
    assert.match(
      ended.err,
      /No module named 'nothing_of_that_name'[\s\S]*the application ended \(exit code 3\) before it answered well/,
    );
    await noneLeft();
  });

  it('tells a redirect from health, and a Host that Django refuses', async () => {
    const away = await rehearse(GUNICORN, '/away', 'shop.example.com', '200');
    assert.equal(away.code, 1);
    assert.match(
      away.err,
      /\/away \(Host: shop.example.com\) answered 302 where 200 was wanted, a redirect to https:\/\/shop.example.com\/away/,
    );
    assert.match(
      (await rehearse(GUNICORN, '/healthz', 'other.example.com', '200')).err,
      /answered 400 where 200 was wanted/,
    );
    await noneLeft();
  });

  it('gives a sick application a few seconds, and quotes it', async () => {
    const ended = await rehearse(GUNICORN, '/sick', 'shop.example.com', '200');
    assert.equal(ended.code, 1);
    assert.match(
      ended.err,
      /the answer began:\nno database today\nafter [0-9]+ s: .* answered 503 where 200 was wanted/,
    );
    await noneLeft();
  });

  it('ends what made itself a daemon', async () => {
    const ended = await rehearse('sleep 30 & setsid sleep 31 & exit 0');
    assert.equal(ended.code, 1);
    assert.match(ended.err, /must stay in the foreground/);
    await noneLeft();
  });

  it('ends the application when it is itself interrupted', async () => {
    const child = spawn('sh', ['-c', script('rehearse'), 'rehearse', ...words('echo up; exec sleep 60')], {
      stdio: 'ignore',
      detached: true,
    });
    for (let n = 0; n < 100 && left().length < 2; n += 1) await sleep(50);
    process.kill(-(child.pid ?? 0), 'SIGTERM');
    await noneLeft();
  });
});
