import { readFile } from 'node:fs/promises';
import type { Inventory } from '../../../src/core/inventory.ts';
import { renderConfiguration } from '../../../src/core/routing/configuration.ts';
import { declaredGroups } from '../../../src/core/routing/groups.ts';
import { renderSite } from '../../../src/core/routing/site.ts';
import { DEPLOY } from './base.ts';
import type { Disk } from './disk.ts';
import { run } from './shell.ts';

export const template = (name: string): Promise<string> =>
  readFile(new URL(`../../../templates/${name}`, import.meta.url), 'utf8');

export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/**
 * What an administrator does on a new balancer, as docs and `init` say it: the app's configuration and site, the folders, and for
 * `managed` the two rights. No generation is there yet.
 */
export async function furnishBalancer(disk: Disk, inventory: Inventory, tls: Certificate | null): Promise<void> {
  const { nginx, build } = inventory;
  const managed = nginx.configuration === 'managed';
  await disk.folder('var/lib/orchestrate');
  await disk.folder(nginx.folder, 0o711, DEPLOY.id);
  await disk.folder(build.static.publish.path, 0o755, DEPLOY.id);
  await disk.folder('etc/nginx/orchestrate', 0o755, managed ? DEPLOY.id : 0);
  const groups = declaredGroups(inventory);
  const { text } = renderConfiguration(
    inventory,
    nginx.switch === 'reload' ? groups.slice(0, 1) : groups,
    await template('upstream.conf.hbs'),
  );
  await disk.file(nginx.file, text, 0o644, managed ? DEPLOY.id : 0);
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
  if (managed) {
    const commands = '/usr/sbin/nginx -t, /usr/sbin/nginx -s reload';
    await disk.file('etc/sudoers.d/orchestrate', `${DEPLOY.name} ALL=(root) NOPASSWD: ${commands}\n`, 0o440);
  }
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
    include /etc/nginx/orchestrate/*.conf;
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
