import { z } from 'zod';
import { build, health, nginx, release, service } from './schema-app.ts';
import { hooks, notify } from './schema-told.ts';
import { freezes, timeZone, windows, windowsOnClose } from './schema-windows.ts';
import { ab, canary } from './schema-canary.ts';
import * as value from './values.ts';

/**
 * The inventory as it is written: one definition for the reader, for `orchestrate schema` and for the annotated example, which a test
 * holds against it. Defaults that hold the app's name (paths, commands) are filled in by defaults.ts.
 */

const sshHost = {
  user: value.userName.describe('The user on the hosts; default: ~/.ssh/config, else the user of this machine.'),
  port: value.port.describe('The port of sshd; default: ~/.ssh/config, else 22.'),
  identity_file: value.localPath.describe("A private key; default: ssh-agent, else OpenSSH's usual files."),
  known_hosts: value.localPath.describe(
    'The file of known host keys. An unknown or changed host key is refused, always.',
  ),
  config: z
    .union([value.localPath, z.literal(false)], {
      error: 'must be the path of an OpenSSH configuration file, or false',
    })
    .describe('HostName, User, Port, IdentityFile and ProxyJump are taken from this file; false turns it off.'),
  jump: value.jump.describe('Hosts to pass through, like ssh -J; `none` for no jump.'),
  connect_timeout: value.duration.describe('How long connecting and logging in may take.'),
  keepalive: value.durationOrNone.describe('How often a silent connection is asked whether it still lives; 0s: never.'),
};

const ssh = z
  .strictObject({
    user: z.exactOptional(sshHost.user),
    port: z.exactOptional(sshHost.port),
    identity_file: z.exactOptional(sshHost.identity_file),
    known_hosts: sshHost.known_hosts.prefault('~/.ssh/known_hosts'),
    config: sshHost.config.prefault('~/.ssh/config'),
    jump: z.exactOptional(sshHost.jump),
    connect_timeout: sshHost.connect_timeout.prefault('10s'),
    keepalive: sshHost.keepalive.prefault('15s'),
    concurrency: value
      .whole(1, 1000)
      .prefault(20)
      .describe('Connections being opened, and hosts being worked on, at once.'),
  })
  .describe('How the hosts are reached; a host may override any key but concurrency.');

const ofHost = z
  .exactOptional(
    z.strictObject({
      user: z.exactOptional(sshHost.user),
      port: z.exactOptional(sshHost.port),
      identity_file: z.exactOptional(sshHost.identity_file),
      known_hosts: z.exactOptional(sshHost.known_hosts),
      config: z.exactOptional(sshHost.config),
      jump: z.exactOptional(sshHost.jump),
      connect_timeout: z.exactOptional(sshHost.connect_timeout),
      keepalive: z.exactOptional(sshHost.keepalive),
    }),
  )
  .describe('What is different for this host in how it is reached.');

export const balancer = z.strictObject({
  address: z.string().describe('How ssh reaches it: an IP address or a name.'),
  ssh: ofHost,
});

export const backend = z.strictObject({
  address: z
    .string()
    .describe('Its IP address, for ssh and for Nginx (a name that does not resolve would break Nginx).'),
  zone: z
    .exactOptional(value.zoneName)
    .describe('Where it stands; with roll.order zones, one zone is rolled after the other.'),
  weight: z
    .exactOptional(value.whole(1, 1000))
    .describe('Its part of the requests compared with the others; default 1.'),
  slots: z.exactOptional(service.shape.slots.unwrap()).describe("Its own port, or two, instead of the service's."),
  ssh: ofHost,
});

const migrate = z
  .strictObject({
    command: z
      .union([value.command, z.null()], { error: 'must be a command, or null where there is no database' })
      .prefault('python manage.py migrate --noinput')
      .describe('Run once per roll, on the builder, before the first switch; null: there is no database.'),
    allow: z
      .enum(['additive', 'any'])
      .prefault('additive')
      .describe('additive: a plan that removes or renames something which the old release needs is refused.'),
  })
  .describe('The database.');

const rehearse = z
  .strictObject({
    command: z
      .exactOptional(value.command)
      .describe('Starts the new release on a free local port, given as $BIND, before any host leaves rotation.'),
    on: z.enum(['builder', 'all', 'none']).prefault('builder').describe('Where it is rehearsed.'),
  })
  .describe('The proof that the new release starts.');

const drain = z
  .strictObject({
    deadline: value.duration.prefault('30s').describe('How long the last connections to a backend may take to end.'),
    on_deadline: z
      .enum(['fail', 'proceed'])
      .prefault('fail')
      .describe('fail: put the host back and stop; proceed: cut off what is left.'),
  })
  .describe('Emptying a backend before its restart.');

const BATCH = 'must be a number of hosts (1), a share of them (25%), or a list of these ([1, 10%, 50%])';

const roll = z
  .strictObject({
    batch: z
      .union([value.count, z.array(value.count).min(1)], { error: BATCH })
      .prefault(1)
      .describe('How many hosts are restarted together: 1, 25%, or a list whose last one repeats.'),
    order: z.enum(['inventory', 'zones']).prefault('zones').describe('zones: one zone at a time.'),
    pause: value.durationOrNone.prefault('0s').describe('Waited between batches, with all hosts in rotation.'),
    bake: value.durationOrNone
      .prefault('0s')
      .describe('How long a batch serves the new release before the next one; 0s: they follow at once.'),
    min_in_rotation: value.count.prefault('50%').describe('Never are fewer backends than this in rotation.'),
    on_failure: z
      .enum(['rollback', 'halt', 'skip'])
      .prefault('rollback')
      .describe(
        'rollback: the whole fleet goes back to one version; halt: no further batch; skip: on without the host, up to max_failures.',
      ),
    max_failures: value
      .whole(0, 10_000)
      .prefault(0)
      .describe('on_failure skip: hosts without which a roll goes on; one more, and it halts.'),
  })
  .describe('The pace of a roll.');

/** Every top-level key. Each is parsed by itself, so that a slip in one hides none in another. */
export const sections = {
  app: value.appName.describe('The name of the application: names the upstreams, their variables and many paths.'),
  ssh: ssh.prefault({}),
  balancers: z
    .record(z.string(), balancer)
    .describe('The Nginx hosts by name; several are kept equal. web[1-3] is a range in names and addresses.'),
  backends: z.record(z.string(), backend).describe('The Gunicorn hosts by name; ranges as with balancers.'),
  release,
  build: build.prefault({}),
  migrate: migrate.prefault({}),
  service,
  rehearse: rehearse.prefault({}),
  health,
  drain: drain.prefault({}),
  nginx: nginx.prefault({}),
  roll: roll.prefault({}),
  canary: canary.prefault({}),
  ab: ab.prefault({}),
  time_zone: timeZone,
  windows_on_close: windowsOnClose,
  windows: windows.prefault([]),
  freezes: freezes.prefault([]),
  notify: notify.prefault([]),
  hooks: hooks.prefault({}),
} as const;

const inventory = z.strictObject(sections);

export type Sections = z.output<typeof inventory>;
export type SshOfHost = Exclude<z.output<typeof balancer>['ssh'], undefined>;

/** The JSON Schema (2020-12) of the file, for editors: made from what the reader itself uses. */
export function jsonSchema(): Record<string, unknown> {
  return { title: 'The inventory of orchestrate', ...z.toJSONSchema(inventory, { io: 'input' }) };
}
