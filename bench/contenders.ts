import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Event } from '../src/core/event.ts';
import type { Fleet } from '../test/fleet/fleet.ts';
import { DEPLOY } from '../test/fleet/hosts/base.ts';
import { must } from '../test/fleet/hosts/shell.ts';
import type { Project } from '../test/fleet/project/make-project.ts';
import { ansible, hasAnsible } from './ansible.ts';
import { measured, type Measured } from './measured.ts';
import { secondsOut } from './out.ts';
import { makePackage } from './package.ts';
import { inventoryOf, OWN, PEER, PEER_NGINX, PEER_TWO, SHOP, TWO, WORKERS, type Site } from './sites.ts';

const HERE = import.meta.dirname;

/** A roll that was made. */
export interface Rolled {
  readonly measured: Measured;
  /** Host-seconds out of rotation, all backends together. */
  readonly out: number;
  readonly events: readonly Event[];
}

/** One who takes a site to a commit. */
export interface Contender {
  readonly name: string;
  readonly site: Site;
  /** Rejects when it fails. */
  readonly roll: (ref: string) => Promise<Rolled>;
}

export interface Contenders {
  /** The wrapper and the live switch. */
  readonly orchestrate: Contender;
  readonly bash: Contender;
  /** The live switch on a site that keeps its own supervisor program. */
  readonly own: Contender;
  /** As `orchestrate`, without any right on the balancers beyond the routing. */
  readonly fixed: Contender;
  /** Two slots a host: the roll, and at once after it the way back. */
  readonly two: Contender;
  readonly back: Contender;
  readonly bashTwo: Contender;
  /** Absent where it is not installed. */
  readonly ansible?: Contender;
  /** orchestrate with the inventory of the first site. */
  readonly program: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

/** Writes what the contenders read. */
export async function contenders(fleet: Fleet, project: Project): Promise<Contenders> {
  const folder = join(fleet.state, 'bench');
  const program = await makePackage(folder);
  const orchestrate = async (name: string, site: Site, configuration: 'managed' | 'fixed'): Promise<Contender> => {
    const file = join(folder, `${site.name}-${configuration}.yaml`);
    await writeFile(file, inventoryOf(fleet, site, project.folder, configuration));
    return {
      name,
      site,
      roll: (ref) => rollByOrchestrate([process.execPath, program, '-i', file], folder, ['roll', '--ref', ref]),
    };
  };
  const two = await orchestrate('orchestrate (two slots)', TWO, 'managed');
  const start = [process.execPath, program, '-i', join(folder, 'two-managed.yaml')];
  const settings = join(folder, 'peer.sh');
  await writeFile(settings, peerSettings(fleet, project, PEER));
  const twoSettings = join(folder, 'peer-two.sh');
  await writeFile(twoSettings, peerSettings(fleet, project, PEER_TWO));
  return {
    orchestrate: await orchestrate('orchestrate', SHOP, 'managed'),
    bash: { name: 'bash', site: PEER, roll: (ref) => rollByBash(settings, project, ref) },
    own: await orchestrate('orchestrate (own program)', OWN, 'managed'),
    fixed: await orchestrate('orchestrate (fixed)', SHOP, 'fixed'),
    two,
    back: {
      name: 'orchestrate (two slots), rollback',
      site: TWO,
      roll: () => rollByOrchestrate(start, folder, ['rollback']),
    },
    bashTwo: { name: 'bash (two slots)', site: PEER_TWO, roll: (ref) => rollByBash(twoSettings, project, ref) },
    ...(hasAnsible() ? { ansible: ansible(fleet, project, SETTINGS) } : {}),
    program: [process.execPath, program, '-i', join(folder, 'shop-managed.yaml')],
    environment: operatorEnvironment(folder),
  };
}

const operatorEnvironment = (folder: string): NodeJS.ProcessEnv => ({
  ...process.env,
  XDG_CACHE_HOME: join(folder, 'cache'),
  SSH_AUTH_SOCK: '',
});

async function rollByOrchestrate(
  program: readonly string[],
  folder: string,
  words: readonly string[],
): Promise<Rolled> {
  const ran = await measured([...program, ...words, '--yes', '--json'], operatorEnvironment(folder));
  const events = ran.stdout
    .split('\n')
    .flatMap((line): Event[] => (line.startsWith('{') ? [JSON.parse(line) as Event] : []));
  const finished = events.findLast((event) => event.type === 'finished');
  if (ran.code !== 0 || finished === undefined) {
    // Of hundreds of events, what went wrong and what was said of it.
    const telling = events.filter((event) => event.type === 'failed' || event.type === 'note');
    throw new Error(
      `orchestrate: exit ${ran.code}\n${telling.map((event) => JSON.stringify(event)).join('\n')}\n${ran.stdout.slice(-2000)}\n${ran.stderr}`,
    );
  }
  return { measured: ran, out: finished.summary.hosts.reduce((sum, { out }) => sum + out, 0) / 1000, events };
}

async function rollByBash(settings: string, project: Project, ref: string): Promise<Rolled> {
  const commit = (await must('git', ['-C', project.folder, 'rev-parse', ref])).trim();
  const ran = await measured([join(HERE, 'peers', 'roll.sh'), settings, commit]);
  if (ran.code !== 0) throw new Error(`roll.sh: exit ${ran.code}\n${ran.stdout}\n${ran.stderr}`);
  return { measured: ran, out: secondsOut(ran.stdout), events: [] };
}

/** What the peers are told of their site. */
const SETTINGS = {
  root: '/srv/www/peer',
  port: PEER.port,
  pid_file: '/run/peer/gunicorn.pid',
  upstream: 'peer',
  upstream_file: '/etc/nginx/peer/upstream.conf',
  nginx: `/usr/sbin/${PEER_NGINX}`,
  static: '/srv/www/peer-static',
  site: 'shop.example.com',
  health: '/healthz',
  warm: '/',
  requests: WORKERS * 2,
  keep: 5,
} as const;

function peerSettings(fleet: Fleet, project: Project, site: Site): string {
  const words = (list: readonly string[]): string => `(${list.join(' ')})`;
  return [
    ...Object.entries({
      ...SETTINGS,
      ...(site.second === undefined
        ? {}
        : {
            root: `/srv/www/${site.name}`,
            port: site.port,
            second: site.second,
            pid_file: `/run/${site.name}/gunicorn-%s.pid`,
            upstream: site.name,
            upstream_file: '/etc/nginx/peer/upstream-two.conf',
            static: `/srv/www/${site.name}-static`,
          }),
      user: DEPLOY.name,
      key: fleet.key,
      known_hosts: fleet.knownHosts,
      repository: project.folder,
    }).map(([key, value]) => `${key}='${value}'`),
    `balancers=${words(fleet.balancers.map(({ address }) => address))}`,
    `backends=${words(fleet.backends.map(({ name, address }) => `${name}=${address}`))}`,
    '',
  ].join('\n');
}
