import type { Backend, Host, HostSsh, Inventory } from '../inventory.ts';
import { rulesOf } from './window-rules.ts';
import type { Written } from './hosts.ts';
import type { Local } from './local.ts';
import type { backend, balancer, Sections, SshOfHost } from './schema.ts';
import type { z } from 'zod';

export interface WrittenHosts {
  readonly balancers: readonly Written<z.output<typeof balancer>>[];
  readonly backends: readonly Written<z.output<typeof backend>>[];
}

/** The inventory without gaps: names and paths from the app's name, hosts' ssh from the ssh section. `local` is this machine's side. */
export function fillIn(
  sections: Omit<Sections, 'balancers' | 'backends'>,
  written: WrittenHosts,
  local: Local,
): Inventory {
  const { app, release, build, service, rehearse, nginx, roll, time_zone } = sections;
  const { concurrency, ...ssh } = sections.ssh;
  const slots = service.slots;
  return {
    app,
    ssh: { concurrency },
    balancers: written.balancers.map((host): Host => named(host, sshOf(ssh, host.entry.ssh, local))),
    backends: written.backends.map((host): Backend => {
      const { zone, weight } = host.entry;
      return {
        ...named(host, sshOf(ssh, host.entry.ssh, local)),
        ...(zone === undefined ? {} : { zone }),
        ...(weight === undefined ? {} : { weight }),
        slots: host.entry.slots ?? slots,
      };
    }),
    release,
    build: {
      ...build,
      source: local.home(build.source),
      builder: build.builder ?? written.backends[0]?.name ?? '',
      static: {
        ...build.static,
        publish: {
          to: build.static.publish?.to ?? 'none',
          path: build.static.publish?.path ?? `${release.root}/static`,
        },
      },
    },
    migrate: sections.migrate,
    service: {
      ...service,
      command: service.command ?? `gunicorn ${app}.wsgi --workers 2 --bind 0.0.0.0:$PORT --pid $PID_FILE`,
      pid_file: service.pid_file ?? `/run/${app}/gunicorn.pid`,
    },
    rehearse: { ...rehearse, command: rehearse.command ?? `gunicorn ${app}.wsgi --workers 1 --bind $BIND` },
    health: sections.health,
    drain: sections.drain,
    nginx: {
      ...nginx,
      file: nginx.file ?? `/etc/nginx/orchestrate/${app}.conf`,
      folder: nginx.folder ?? `/var/lib/orchestrate/${app}`,
      template: local.home(nginx.template),
      access_log: nginx.access_log ?? `/var/log/nginx/${app}.json`,
    },
    canary: canaryOf(sections.canary, local),
    ab: sections.ab,
    roll: { ...roll, batch: Array.isArray(roll.batch) ? roll.batch : [roll.batch] },
    time_zone,
    windows_on_close: sections.windows_on_close,
    ...rulesOf(sections),
    notify: sections.notify.map(({ secret_file, ...each }) => ({
      ...each,
      ...(secret_file === undefined ? {} : { secret_file: local.path(secret_file) }),
    })),
    hooks: sections.hooks,
  };
}

const canaryOf = ({ header, ...canary }: Sections['canary'], local: Local): Inventory['canary'] => ({
  ...canary,
  ...(header === undefined ? {} : { header: { ...header, secret_file: local.path(header.secret_file) } }),
});

const named = ({ name, address }: Written<unknown>, ssh: HostSsh): Host => ({ name, address, ssh });

function sshOf(all: Omit<Sections['ssh'], 'concurrency'>, own: SshOfHost | undefined, local: Local): HostSsh {
  const { identity_file, known_hosts, config, ...rest } = { ...all, ...own };
  return {
    ...rest,
    ...(identity_file === undefined ? {} : { identity_file: local.path(identity_file) }),
    known_hosts: local.path(known_hosts),
    config: config === false ? false : local.path(config),
  };
}
