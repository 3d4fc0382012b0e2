import type { Backend, Inventory } from '../../../src/core/inventory.ts';
import { WRAPPER } from '../../../src/core/service.ts';
import { printed } from '../../../src/verbs/init.ts';
import { FILE } from './balancer.ts';
import { DEPLOY } from './base.ts';
import type { Disk } from './disk.ts';

/** What an administrator does on a new backend, as on a balancer: the app's folder and its environment, and what keeps it alive. No release is there yet. */
export async function furnishBackend(
  disk: Disk,
  inventory: Inventory,
  backend: Backend,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const { release, service } = inventory;
  const lines = Object.entries(environment).map(([key, value]) => `${key}="${value}"\n`);
  await disk.folder('srv/www');
  await disk.folder(release.root, 0o755, DEPLOY.id, 0);
  await disk.folder(`${release.root}/shared`, 0o755, DEPLOY.id, 0);
  await disk.file(`${release.root}/shared/${release.env_file}`, lines.join(''), 0o600, DEPLOY.id, 0);
  await disk.folder('var/log/supervisor');
  const text = (what: 'run-slot' | 'supervisor' | 'tmpfiles'): string => printed(what, inventory, FILE, backend.name);
  if (service.wrapper) await disk.file(WRAPPER, text('run-slot'), 0o755);
  await disk.file(`etc/tmpfiles.d/${service.name}.conf`, text('tmpfiles'));
  const program = service.wrapper ? text('supervisor') : ownProgram(inventory, backend);
  await disk.file(`etc/supervisor/conf.d/${service.name}.conf`, program);
  await disk.file('etc/supervisor/supervisord.conf', SUPERVISOR);
}

const SUPERVISOR = `[unix_http_server]
file=/run/supervisor.sock
chmod=0700
[supervisord]
logfile=/var/log/supervisor/supervisord.log
pidfile=/run/supervisord.pid
childlogdir=/var/log/supervisor
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix:///run/supervisor.sock
[include]
files=/etc/supervisor/conf.d/*.conf
`;

/** A site's own program, as many have it; with real paths, and the two settings without which Supervisor gives a release up. */
function ownProgram({ release, service }: Inventory, backend: Backend): string {
  const { root, code, virtualenv, env_file } = release;
  const port = String(backend.slots[0]);
  const gunicorn = service.command.replace('$PORT', port).replace('$PID_FILE', service.pid_file);
  // Before the first release a second's sleep: Supervisor itself would start it again at once, and burn a core.
  const enter = `cd -P ${root}/current/${code} || { sleep 1; exit 1; }; set -a && . ${root}/shared/${env_file}`;
  const path = `PATH=$(cd -P ${root}/current/${virtualenv} && pwd)/bin:$PATH`;
  return `[program:${service.name}]
command=/bin/sh -c '${enter} && ${path} && exec ${gunicorn}'
user=${DEPLOY.name}
autostart=true
autorestart=true
startsecs=0
stopasgroup=true
redirect_stderr=true
stdout_logfile=/var/log/supervisor/${service.name}-${port}.log
`;
}
