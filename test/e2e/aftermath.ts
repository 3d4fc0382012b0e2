import assert from 'node:assert/strict';
import type { Status } from '../../src/core/status.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { until } from '../fleet/hosts/shell.ts';
import type { Ran } from './operator.ts';
import { pause, type Scene } from './scene.ts';

const FOLDER = '/var/lib/orchestrate/shop';

/** Temporary names on hosts: what scripts make on their way and rename or remove in the end. Releases' own files are left aside. */
const LEFTOVERS = String.raw`{
  find ${FOLDER} /srv/www /etc/nginx/orchestrate /run/shop \( -path '/srv/www/shop/[0-9]*/repository' -o -path '/srv/www/shop/virtualenvs/*/*' -o -path '/srv/www/shop/shared' \) -prune -o \( -name 'new-*' -o -name 'old-*' -o -name '*.new' -o -name '*.former' -o -name '*incoming*' -o -regex '.*\.[0-9]+' \) -print 2>/dev/null
  find /tmp -mindepth 1 -maxdepth 1
} | sort -u`;

/** What is left on hosts that nobody has in hand any more, `HOST: PATH` each. */
async function leftovers(fleet: Fleet): Promise<string[]> {
  const found = await Promise.all(
    fleet.hosts.map(async ({ name }) =>
      (await fleet.sh(name, LEFTOVERS)).split('\n').flatMap((path) => (path === '' ? [] : [`${name}: ${path}`])),
    ),
  );
  return found.flat();
}

/** Balancers on which somebody holds the lease. */
async function leased(fleet: Fleet): Promise<string[]> {
  const found = await Promise.all(
    fleet.balancers.map(async ({ name }) => {
      const [uptime = '', ends = ''] = (
        await fleet.sh(name, `cut -d. -f1 /proc/uptime; sed 's/.*"until":\\([0-9]*\\),.*/\\1/' ${FOLDER}/lease.json`)
      ).split('\n');
      return Number(ends) <= Number(uptime) ? [] : [name];
    }),
  );
  return found.flat();
}

/** Lets a dead operator's term be over: 30 s, of which nobody has anything. That it ends by itself is tested once, in zombie.test.ts. */
export async function lapse(fleet: Fleet): Promise<void> {
  await Promise.all(
    fleet.balancers.map(({ name }) =>
      fleet.exec(name, `cd ${FOLDER} && [ ! -s lease.json ] || sed -i 's/"until":[1-9][0-9]*/"until":1/' lease.json`),
    ),
  );
}

/** A command of another machine, as soon as the lease of the dead is over. */
export async function takeOver(scene: Scene, ...args: string[]): Promise<Ran> {
  for (let time = 0; ; time += 1) {
    await lapse(scene.fleet);
    const ran = await (await scene.elsewhere([...args, '--yes'])).ended;
    // What was in hand may have renewed it meanwhile.
    if (ran.code !== 3 || !/holds the lease/.test(ran.stderr) || time === 5) return ran;
    await pause(500);
  }
}

/** The one release that every backend runs, all in rotation, healthy, nothing drifted, begun or left behind, and the lease free. */
export async function wholeOn(scene: Scene): Promise<string> {
  const status = await scene.status();
  const [release, ...others] = new Set(status.backends.map(({ running }) => running));
  assert.deepEqual(others, [], `one version: ${told(status)}`);
  assert.ok(
    status.backends.every(({ rotation, health }) => rotation === 'in' && health === 'healthy'),
    told(status),
  );
  assert.deepEqual([status.drift, status.unfinished, status.exit], [[], null, 0]);
  assert.deepEqual(await leased(scene.fleet), [], 'the lease is free');
  // A rehearsal takes no lock, and ends by itself.
  let left: string[] = [];
  const none = async (): Promise<boolean> => (left = await leftovers(scene.fleet)).length === 0;
  await until('nothing temporary is left', 20_000, none).catch(() => assert.deepEqual(left, [], 'temporary names'));
  return release ?? 'none';
}

const told = ({ backends }: Status): string =>
  backends.map(({ name, running, rotation, health }) => `${name} ${running} ${rotation} ${health}`).join(', ');
