import { formatRelease, parseRelease } from '../../../src/core/release.ts';
import { Died, input, takes } from '../machine.ts';
import type { Here, Script } from './here.ts';

/** What travels in place of archives: a line, whole only with what stands at its end. */
export const packed = (kind: string, ...words: readonly string[]): string => `${[kind, ...words].join('\t')}\tdigest`;

function unpacked(kind: string, text: string | null): string[] {
  const words = text?.split('\t') ?? [];
  if (words.at(-1) !== 'digest') throw new Died(1, 'the stream was cut: it has no digest at its end');
  if (words[0] !== kind) throw new Died(1, `what arrived is no ${kind}`);
  return words.slice(1, -1);
}

const complete = ({ backend }: Here, release: string): string => {
  const manifest = backend.releases.get(release);
  if (manifest === undefined || manifest === null) throw new Died(78, `${release} is not complete on this host`);
  return manifest;
};

export const preflight: Script = function* (here, args) {
  yield* takes(10);
  if (args.includes('wrapper') && !here.backend.wrapper)
    throw new Died(78, 'no wrapper runs for port 8000 (/run/shop/8000.slot)');
  if (here.machine.crowded && args.includes('memory'))
    throw new Died(78, '90 MB of memory are free, and another application beside the one on port 8000 may need 130 MB');
  if (here.machine.full) throw new Died(78, 'only 0 kB are free at /srv/www/shop, and this takes up to 20000 kB');
  return '';
};

export const receiveSource: Script = function* (here, args) {
  const changes = yield* here.fenced(args);
  const [, , , , , release = ''] = args;
  const { backend } = here;
  const there = typeof backend.releases.get(release) === 'string';
  if (!there) backend.temporary.add('incoming');
  const text = yield* input();
  if (there) return `the code of ${release} is there\n`;
  yield* takes(100);
  backend.temporary.delete('incoming');
  unpacked('source', text);
  changes(`the code of ${release} is unpacked`);
  backend.releases.set(release, null);
  return `the code of ${release} is unpacked\n`;
};

export const virtualenv: Script = function* (here, args) {
  const changes = yield* here.fenced(args);
  const [, , , , , release = '', , key = ''] = args;
  const { backend } = here;
  if (backend.virtualenvs.get(key) === true) return `virtual environment ${key} is there\n`;
  if (!backend.releases.has(release)) throw new Died(1, 'the release has no requirements.txt');
  backend.virtualenvs.set(key, false);
  yield* takes(2000);
  if (here.machine.full) {
    backend.virtualenvs.delete(key);
    throw new Died(1, 'pip could not install requirements.txt');
  }
  changes(`virtual environment ${key} is built`);
  backend.virtualenvs.set(key, true);
  return `virtual environment ${key} is built: 12 MB\n`;
};

export const build: Script = function* (here, args) {
  const changes = yield* here.fenced(args);
  const [, , , , , release = '', , , key = ''] = args;
  const { backend, fleet, host } = here;
  const manifest = yield* input();
  if (typeof backend.releases.get(release) === 'string') return `${release} is built\n`;
  if (!backend.releases.has(release)) throw new Died(1, `${release} is not there: the code has not arrived`);
  if (backend.virtualenvs.get(key) !== true) throw new Died(1, `virtual environment ${key} is not complete`);
  yield* takes(1500);
  if (here.machine.full || manifest === null) {
    backend.releases.delete(release);
    throw new Died(1, 'failed: python manage.py collectstatic: No space left on device');
  }
  const read = parseRelease(manifest);
  if ('problem' in read) fleet.never(`${host} is given a release.json that can't be read: ${read.problem}`);
  changes(`${release} is built`);
  backend.releases.set(release, manifest);
  return `${release} is built: no static files\n`;
};

export const pack: Script = function* (here, [, release = '', key = '']) {
  const manifest = complete(here, release);
  yield* takes(200);
  return packed('release', release, manifest.trim(), key);
};

export const unpack: Script = function* (here, args) {
  const changes = yield* here.fenced(args);
  const [, , , , , release = '', , key = ''] = args;
  const { backend } = here;
  const there = typeof backend.releases.get(release) === 'string' && backend.virtualenvs.get(key) === true;
  if (!there) backend.temporary.add('incoming');
  const text = yield* input();
  if (there) return `${release} is there\n`;
  yield* takes(200);
  backend.temporary.delete('incoming');
  const [name, manifest = '', with_ = ''] = unpacked('release', text);
  if (name !== release) throw new Died(1, `what arrived is not ${release}`);
  if (backend.virtualenvs.get(key) !== true) {
    if (with_ !== key) throw new Died(1, `this host lacks virtual environment ${key}, and it did not come along`);
    changes(`virtual environment ${key} is here`);
    backend.virtualenvs.set(key, true);
  }
  yield* takes(20);
  const read = parseRelease(manifest);
  if ('problem' in read) throw new Error(read.problem);
  changes(`${release} is here`);
  backend.releases.set(release, formatRelease(read.release));
  return `${release} is here: 100 kB received\n`;
};

export const rehearse: Script = function* (here, [, release = '']) {
  complete(here, release);
  yield* takes(800);
  const ill = here.backend.broken.get(release);
  if (ill !== undefined)
    throw new Died(1, ill === 'ends' ? 'the application ended' : '/healthz answered 503 where 200 was wanted');
  return 'started in 700 ms; /healthz answered 200\n';
};

export const packStatic: Script = function* (here, [, release = '']) {
  complete(here, release);
  yield* takes(50);
  return packed('static', release);
};

export const publishStatic: Script = function* (here, args) {
  const changes = yield* here.fenced(args);
  const text = yield* input();
  yield* takes(50);
  unpacked('static', text);
  changes('static files are published');
  return 'hashed 3 new 3 others 0 replaced 0\n';
};

export const pruneStatic: Script = function* (here, args) {
  yield* here.fenced(args);
  return '0 published files removed\n';
};

export const migrations: Script = function* (here, [, release = '']) {
  complete(here, release);
  yield* takes(300);
  const databases = [{ alias: 'default', vendor: 'postgresql', lock_timeout: '2s', applied: 7 }];
  const operations = [{ op: 'CreateModel', model: 'shop.Coupon' }];
  const pending = { app: 'shop', name: '0002_coupon', database: 'default', atomic: true, operations };
  return `databases ${JSON.stringify(databases)}\nmigrations ${JSON.stringify(here.fleet.pending ? [pending] : [])}\n`;
};

export const migrate: Script = function* (here, args) {
  const changes = yield* here.fenced(args);
  complete(here, args[5] ?? '');
  yield* takes(400);
  changes('the database is migrated');
  here.fleet.pending = false;
  return 'applied shop.0002_coupon\nmigrated\n';
};

export const oneWay: Script = function* (here, args) {
  const changes = yield* here.fenced(args);
  changes('a way of no return is told');
  here.backend.oneWay = args[5];
  return `${args[5]} is a way of no return\n`;
};
