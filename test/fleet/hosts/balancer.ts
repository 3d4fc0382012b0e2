import { readFile } from 'node:fs/promises';
import type { Inventory } from '../../../src/core/inventory.ts';
import { renderSite } from '../../../src/core/routing/site.ts';
import { printed } from '../../../src/verbs/init.ts';
import { DEPLOY } from './base.ts';
import type { Disk } from './disk.ts';
import { run } from './shell.ts';

export const template = (name: string): Promise<string> =>
  readFile(new URL(`../../../templates/${name}`, import.meta.url), 'utf8');

/** What the inventory is called, for templates beside it; a fleet has none of its own. */
export const FILE = 'inventory.yaml';

export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/**
 * What an administrator does on a new balancer: the very texts that `init --print` prints, where its steps put them, with their rights
 * (test/e2e/rights.test.ts takes the steps again, and finds nothing to change). No generation is there yet.
 */
export async function furnishBalancer(disk: Disk, inventory: Inventory, tls: Certificate | null): Promise<void> {
  const { app, nginx, build } = inventory;
  const managed = nginx.configuration === 'managed';
  await disk.folder('var/lib/orchestrate');
  await disk.folder(nginx.folder, 0o711, DEPLOY.id, 0);
  await disk.folder(build.static.publish.path, 0o755, DEPLOY.id, 0);
  await disk.folder('etc/nginx/orchestrate', 0o755, managed ? DEPLOY.id : 0, 0);
  await disk.file(nginx.file, printed('upstream', inventory, FILE, undefined), 0o644, managed ? DEPLOY.id : 0, 0);
  await disk.file('etc/nginx/conf.d/00-orchestrate.conf', 'include /etc/nginx/orchestrate/*.conf;\n');
  await disk.file('etc/nginx/nginx.conf', NGINX);
  await disk.file('etc/nginx/sites-fleet/shop.conf', await site(inventory, tls));
  if (tls !== null) {
    await disk.file('etc/ssl/shop.pem', tls.certificate);
    await disk.file('etc/ssl/private/shop.key', tls.key, 0o600);
  }
  await disk.folder('var/log/nginx');
  // As Debian's logrotate leaves it: the group adm may read, others may not.
  const [log, user, adm] = [nginx.access_log, await idOf('-u', 'www-data'), await groupId('adm')];
  await disk.file(log, '', 0o640, user, adm);
  if (managed)
    await disk.file(`etc/sudoers.d/orchestrate-${app}`, printed('sudoers', inventory, FILE, undefined), 0o440);
}

async function site(inventory: Inventory, tls: Certificate | null): Promise<string> {
  if (inventory.nginx.switch === 'reload') return plainSite(inventory);
  const paths = { certificate: '/etc/ssl/shop.pem', key: '/etc/ssl/private/shop.key', http2: true };
  const options = tls === null ? { listen: '80' } : { listen: '443', tls: paths };
  return renderSite(inventory, options, await template('site.conf.hbs'));
}

const NGINX = `user www-data;
worker_processes 2;
worker_rlimit_nofile 8192;
pid /run/nginx.pid;
# At this level the master tells of each reload.
error_log /var/log/nginx/error.log notice;
events { worker_connections 4096; }
http {
    default_type application/octet-stream;
    include /etc/nginx/mime.types;
    access_log off;
    server_tokens off;
    # The load's users have addresses of their own.
    set_real_ip_from 10.77.0.0/16;
    real_ip_header X-Forwarded-For;
    include /etc/nginx/conf.d/*.conf;
    include /etc/nginx/sites-fleet/*.conf;
}
`;

/** A site that keeps its plain proxy_pass: for nginx.switch: reload. */
const plainSite = ({ app, health, nginx, build }: Inventory): string => `server {
    listen 80;
    server_name ${health.host};
    access_log ${nginx.access_log} orchestrate_${app};
    keepalive_timeout ${Math.ceil(nginx.keepalive_timeout / 1000)}s;
    client_max_body_size 100m;
    proxy_connect_timeout 1s;
    proxy_next_upstream_tries 3;
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header Connection "";
    location / { proxy_pass http://${app}; }
    location /static/ { alias ${build.static.publish.path}/; }
}
`;

const idOf = async (which: string, name: string): Promise<number> => Number((await run('id', [which, name])).stdout);
const groupId = async (name: string): Promise<number> =>
  Number((await run('getent', ['group', name])).stdout.split(':')[2]);
