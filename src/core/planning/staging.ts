import type { Inventory } from '../inventory.ts';
import { complete, newestRecord, type FleetView } from '../fleet.ts';
import type { Phase, PutStep, Step } from '../plan.ts';
import { formatRelease, type Release } from '../release.ts';
import { bytes } from '../bytes.ts';
import { manageOf } from '../migrations.ts';
import { listed } from './listed.ts';
import { migrating, pending } from './migrating.ts';
import { runs } from './prevailing.ts';
import { rehearsal } from './rehearsal.ts';

/** Building and shipping take what they take; this ends what hangs. */
const LONG = 60 * 60_000;

/** What is to be staged, known before the first byte is written. */
export interface Staging {
  /** `built` is filled in when the release is built. */
  readonly release: Release;
  /** Bytes of the commit's archive, for the plan's sentences. */
  readonly bytes: number;
  /** The backends that are to have it. */
  readonly hosts: readonly string[];
  readonly builder: string;
  /** Migrations that a person named: `catalog.0007`. */
  readonly allowMigrations: readonly string[];
}

/** Everything that needs no host out of rotation: build once, ship, rehearse, publish the static files, migrate. What is there already is left out. */
export function staging(inventory: Inventory, view: FleetView, goal: Staging): Phase[] {
  const migrates = inventory.migrate.command !== null;
  return [
    ...building(inventory, view, goal),
    ...shipping(inventory, view, goal),
    ...(servesAlready(inventory, view, goal)
      ? asking(inventory, goal, migrates)
      : rehearsing(inventory, goal, migrates)),
    ...publishing(inventory, goal),
    ...(migrates ? migrating(inventory, goal) : []),
  ];
}

const fence = (inventory: Inventory): string => `${inventory.release.root}/.orchestrate`;

/** PATH TARGET pairs, as the scripts want them. */
const shared = (inventory: Inventory): string[] => Object.entries(inventory.release.shared).flat();

function building(inventory: Inventory, view: FleetView, goal: Staging): Phase[] {
  const { builder, release } = goal;
  if (complete(view.backends[builder], release.release)) return [];
  const seen = view.backends[builder];
  const { root, code, virtualenv, env_file } = inventory.release;
  const { build } = inventory;
  const hasVirtualenv = seen?.kind === 'seen' && seen.virtualenvs.includes(release.virtualenv);
  const steps: Step[] = [
    {
      kind: 'put',
      leave: true,
      say: `send commit ${release.commit.slice(0, 7)} (${release.subject}, ${bytes(goal.bytes)}) to ${builder}`,
      script: 'receive-source',
      fence: fence(inventory),
      calls: [{ host: builder, args: [root, release.release, code] }],
      from: { kind: 'source', commit: release.commit },
      deadline: LONG,
      undo: 'a half-made release is removed by the next build or prune',
    },
    {
      kind: 'run',
      leave: true,
      say: hasVirtualenv
        ? `virtual environment ${release.virtualenv} is there: no pip`
        : `build virtual environment ${release.virtualenv} from ${build.requirements}`,
      script: 'virtualenv',
      fence: fence(inventory),
      calls: [
        {
          host: builder,
          args: [
            root,
            release.release,
            code,
            release.virtualenv,
            build.python,
            build.requirements,
            env_file,
            ...build.venv_args,
          ],
        },
      ],
      deadline: LONG,
    },
    {
      kind: 'run',
      leave: true,
      say: 'build: checks, translations, static files, byte code',
      script: 'build',
      fence: fence(inventory),
      calls: [
        {
          host: builder,
          args: [
            root,
            release.release,
            code,
            virtualenv,
            release.virtualenv,
            env_file,
            manageOf(inventory.migrate.command ?? ''),
            build.static.command ?? '',
            build.static.output,
            ...shared(inventory),
            '--',
            ...build.commands,
          ],
        },
      ],
      input: formatRelease({ ...release, built: '@time:0' }),
      deadline: LONG,
    },
  ];
  return [{ name: 'build', title: `build ${release.release} once, on ${builder}`, tracks: [{ host: builder, steps }] }];
}

function shipping(inventory: Inventory, view: FleetView, goal: Staging): Phase[] {
  const { builder, release } = goal;
  const { root, code } = inventory.release;
  const lacking = goal.hosts.filter((host) => host !== builder && !complete(view.backends[host], release.release));
  if (lacking.length === 0) return [];
  const withVirtualenv = lacking.filter((host) => {
    const seen = view.backends[host];
    return seen?.kind !== 'seen' || !seen.virtualenvs.includes(release.virtualenv);
  });
  const put = (hosts: readonly string[], whole: boolean): Phase['tracks'] =>
    hosts.length === 0
      ? []
      : [
          {
            host: whole ? 'new hosts' : 'hosts',
            steps: [
              {
                kind: 'put',
                leave: true,
                say: `ship ${release.release}${whole ? ` with virtual environment ${release.virtualenv}` : ', code alone,'} to ${listed(hosts)}`,
                script: 'unpack',
                fence: fence(inventory),
                calls: hosts.map((host) => ({
                  host,
                  args: [root, release.release, code, release.virtualenv, ...shared(inventory)],
                })),
                from: {
                  kind: 'host',
                  host: builder,
                  script: 'pack',
                  args: [root, release.release, ...(whole ? [release.virtualenv] : [])],
                },
                deadline: LONG,
                undo: 'a release that no link names is removed by prune',
              },
            ],
          },
        ];
  return [
    {
      name: 'ship',
      title: `ship it to ${listed(lacking)}`,
      tracks: [
        ...put(withVirtualenv, true),
        ...put(
          lacking.filter((host) => !withVirtualenv.includes(host)),
          false,
        ),
      ],
    },
  ];
}

/**
 * Whether what goes on was begun by earlier flips, and users are served by the release already: then it was rehearsed, and whoever goes on
 * need not wait for that again.
 */
function servesAlready({ rehearse }: Inventory, view: FleetView, { release: { release } }: Staging): boolean {
  const record = newestRecord(view);
  if (rehearse.on === 'all' || record?.intent?.kind !== 'roll' || record.intent.to !== release) return false;
  return Object.entries(record.backends).some(
    ([name, { rotation }]) => rotation === 'in' && runs(view, name) === release,
  );
}

/** What is left of a rehearsal then: whether something is to be migrated is asked of Django each time. */
function asking(inventory: Inventory, goal: Staging, migrates: boolean): Phase[] {
  if (inventory.rehearse.on === 'none' || !migrates) return [];
  return [
    {
      name: 'rehearse',
      title: `no rehearsal: ${goal.release.release} serves already`,
      tracks: [{ host: goal.builder, steps: [pending(inventory, goal)] }],
    },
  ];
}

/** The new release is started before any host leaves rotation; its health is asked where the database is as it needs it. */
function rehearsing(inventory: Inventory, goal: Staging, migrates: boolean): Phase[] {
  if (inventory.rehearse.on === 'none') return [];
  const hosts = inventory.rehearse.on === 'all' ? goal.hosts : [goal.builder];
  const steps: Step[] = [
    ...(migrates ? [pending(inventory, goal)] : []),
    rehearsal(inventory, goal, hosts, true, migrates ? { value: 'migrations pending', is: false } : undefined),
    ...(migrates ? [rehearsal(inventory, goal, hosts, false, { value: 'migrations pending', is: true })] : []),
  ];
  return [
    {
      name: 'rehearse',
      title: `rehearse ${goal.release.release} on ${listed(hosts)}, before any host leaves rotation`,
      tracks: [{ host: listed(hosts), steps }],
    },
  ];
}

function publishing(inventory: Inventory, goal: Staging): Phase[] {
  const { publish, command } = inventory.build.static;
  if (command === null || publish.to === 'none') return [];
  const onBalancers = publish.to === 'balancers';
  const hosts = onBalancers ? inventory.balancers.map(({ name }) => name) : goal.hosts;
  return [
    {
      name: 'publish',
      title: `publish static files on ${listed(hosts)}, before the first switch`,
      tracks: [
        {
          host: listed(hosts),
          steps: [publishStep(inventory, { release: goal.release.release, builder: goal.builder }, hosts)],
        },
      ],
    },
  ];
}

/** Merges a release's static files, which the builder has, into what is published on the hosts. */
export function publishStep(
  inventory: Inventory,
  { release, builder }: { readonly release: string; readonly builder: string },
  hosts: readonly string[],
): PutStep {
  const { publish, output } = inventory.build.static;
  const { root, code } = inventory.release;
  return {
    kind: 'put',
    say: `merge the static files of ${release} into ${publish.path}`,
    script: 'publish-static',
    fence: publish.to === 'balancers' ? inventory.nginx.folder : fence(inventory),
    calls: hosts.map((host) => ({ host, args: [publish.path, release] })),
    from: { kind: 'host', host: builder, script: 'pack-static', args: [root, release, code, output] },
    deadline: LONG,
  };
}
