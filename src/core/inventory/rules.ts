import { LOCAL } from '../builder.ts';
import type { Written } from './hosts.ts';
import { nearest } from './nearest.ts';
import type { Finding } from './problem.ts';
import type { Sections, SshOfHost } from './schema.ts';
import { swallowing } from './swallowing.ts';

/** What has been read so far: a section with a slip in it is absent. */
export interface Read {
  readonly sections: Partial<Omit<Sections, 'balancers' | 'backends'>>;
  readonly balancers: readonly Written<{ readonly ssh?: SshOfHost }>[];
  readonly backends: readonly Written<{ readonly ssh?: SshOfHost; readonly slots?: readonly number[] }>[];
}

/** What no key can be asked about alone: how the keys fit together. */
export function rules(read: Read): Finding[] {
  return [
    ...machines(read),
    ...builder(read),
    ...releases(read),
    ...staticFiles(read),
    ...service(read),
    ...nginx(read),
  ];
}

/** What is allowed and yet seldom meant. */
export function doubts(read: Read): Finding[] {
  const { nginx: site } = read.sections;
  const findings: Finding[] = [];
  if (site !== undefined && !site.server_options.split(' ').includes('max_fails=0'))
    findings.push({
      path: ['nginx', 'server_options'],
      message: 'has no max_fails=0: one error of the only server in rotation then fails the whole site for a while',
    });
  if (site !== undefined && site.keepalive_timeout > 0 && site.keepalive_timeout < 30_000)
    findings.push({
      path: ['nginx', 'keepalive_timeout'],
      message:
        'is short: Nginx then closes idle connections all the time, and each of them may carry a request that is lost',
    });
  findings.push(...swallowing(read.sections));
  const { service: program } = read.sections;
  if (program !== undefined && program.linger > 24 * 3_600_000)
    findings.push({
      path: ['service', 'linger'],
      message:
        'is longer than a day: all that time each host holds two releases in memory, and two sets of database connections',
    });
  const byAddress = new Map(read.backends.map((backend) => [backend.address, backend.name]));
  for (const { name, address, path } of read.balancers) {
    const other = byAddress.get(address);
    if (other !== undefined && other !== name)
      findings.push({
        path,
        message: `has the address of the backend ${other}: give both one name if they are one machine`,
        at: 'key',
      });
  }
  return findings;
}

function* machines({ balancers, backends }: Read): Generator<Finding> {
  for (const balancer of balancers) {
    const backend = backends.find(({ name }) => name === balancer.name);
    if (backend === undefined) continue;
    if (backend.address !== balancer.address)
      yield {
        path: [...backend.path, 'address'],
        message: `${backend.address} is not the address of the balancer ${balancer.name} (${balancer.address}); one name is one machine`,
      };
    else if (JSON.stringify(backend.entry.ssh ?? {}) !== JSON.stringify(balancer.entry.ssh ?? {}))
      yield {
        path: [...backend.path, 'ssh'],
        message: `is not what the balancer ${balancer.name} has, and one name is one machine: write the same in both`,
      };
  }
}

function* builder({ sections, backends }: Read): Generator<Finding> {
  const name = sections.build?.builder;
  if (name === undefined || backends.length === 0) return;
  const names = backends.map((backend) => backend.name);
  if (names.includes(name) || name === LOCAL) return;
  const near = nearest(name, names);
  yield {
    path: ['build', 'builder'],
    message: `there is no backend ${name}${near === undefined ? '; one of the backends builds, or local: this machine' : `; did you mean ${near}?`}`,
  };
}

const within = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

function* releases({ sections: { release } }: Read): Generator<Finding> {
  if (release === undefined) return;
  if (within(release.code, release.virtualenv))
    yield { path: ['release', 'code'], message: 'must not be inside release.virtualenv, which is a link' };
  for (const key of ['code', 'virtualenv'] as const)
    if (within(release[key], 'release.json')) yield { path: ['release', key], message: 'release.json is taken' };
  const links = Object.keys(release.shared);
  for (const link of links) {
    const outer = links.find((other) => other !== link && within(link, other));
    if (outer !== undefined)
      yield { path: ['release', 'shared', link], message: `is inside ${outer}, which is a link itself`, at: 'key' };
  }
}

/** What orchestrate keeps in release.root itself. */
const TAKEN = ['current', 'previous', 'slots', 'virtualenvs', '.orchestrate'];

function* staticFiles({ sections: { build, release } }: Read): Generator<Finding> {
  const { publish, command } = build?.static ?? {};
  if (publish === undefined) return;
  if (publish.to !== 'none' && command === null)
    yield {
      path: ['build', 'static', 'publish', 'to'],
      message:
        'publishes nothing, since build.static.command is null (write "true" there if build.commands makes the files)',
    };
  const root = release?.root;
  const { path } = publish;
  if (root === undefined || path === undefined || publish.to === 'none') return;
  if (path === root || TAKEN.some((name) => within(path, `${root}/${name}`)))
    yield {
      path: ['build', 'static', 'publish', 'path'],
      message: 'is a folder that the releases need; take one of its own',
    };
}

function* service({ sections: { service: section }, backends }: Read): Generator<Finding> {
  if (section === undefined) return;
  const { manager, wrapper, restart, command } = section;
  if (wrapper && (manager === 'pidfile' || manager === 'command'))
    yield {
      path: ['service', 'manager'],
      message: `${manager} is for the site's own program: write wrapper: false, or let supervisor or systemd run the wrapper`,
    };
  if (manager === 'command' && restart === null)
    yield { path: ['service', 'restart'], message: 'is required with manager: command' };
  if (manager !== 'command' && restart !== null)
    yield { path: ['service', 'restart'], message: `is used with manager: command only, not with ${manager}` };
  const two = [section.slots, ...backends.map(({ entry }) => entry.slots ?? [])].some(({ length }) => length > 1);
  if (!wrapper && two)
    yield {
      path: ['service', 'slots'],
      message: "two slots need wrapper: true: the site's own program is one process",
    };
  if (wrapper && command !== undefined && /(^|\s)(--daemon|-D)(\s|$)/.test(command))
    yield { path: ['service', 'command'], message: 'must stay in the foreground: leave --daemon out' };
}

function* nginx({ sections: { nginx: section } }: Read): Generator<Finding> {
  if (section?.switch === 'reload' && section.configuration === 'fixed')
    yield {
      path: ['nginx', 'switch'],
      message:
        'reload rewrites the configuration at each switch, and configuration: fixed forbids it; use live, or managed',
    };
}
