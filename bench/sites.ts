import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FILE } from '../test/fleet/hosts/balancer.ts';
import { printed } from '../src/verbs/init.ts';
import { readInventory, type Inventory } from '../src/core/inventory.ts';
import { renderConfiguration } from '../src/core/routing/configuration.ts';
import { declaredGroups } from '../src/core/routing/groups.ts';
import { renderSite } from '../src/core/routing/site.ts';
import type { Fleet } from '../test/fleet/fleet.ts';

const ROOT = join(import.meta.dirname, '..');

/** A site of the fleet: its own program, releases, port and Nginx server on the same hosts. One is rolled at a time, and gets the load. */
export interface Site {
  readonly name: 'shop' | 'own' | 'peer' | 'two' | 'peertwo';
  /** Where users reach it on the balancers. */
  readonly listen: number;
  /** Of its Gunicorn, on the backends. */
  readonly port: number;
  /** Of its other slot. */
  readonly second?: number;
}

/** The wrapper and the live switch: the fleet's own site. */
export const SHOP: Site = { name: 'shop', listen: 80, port: 8000 };
/** Its own supervisor program, and the live switch. */
export const OWN: Site = { name: 'own', listen: 81, port: 8001 };
/** Its own supervisor program, a plain proxy_pass and an Nginx of its own, so that a reload is as cheap as where nothing else is configured. */
export const PEER: Site = { name: 'peer', listen: 82, port: 8002 };

/** As the first, with two slots a host. */
export const TWO: Site = { name: 'two', listen: 83, port: 8003, second: 8004 };
/** As `PEER`, with two slots a host. */
export const PEER_TWO: Site = { name: 'peertwo', listen: 84, port: 8005, second: 8006 };

export const PEER_NGINX = 'nginx -c /etc/nginx/peer/nginx.conf';
/** Gunicorn's workers and threads, the same for all. */
export const WORKERS = 2;
const THREADS = 8;

/** The sections in which the inventory of a site differs from the fleet's. */
function differing(site: Site): Record<string, Record<string, unknown>> {
  if (site.name === 'shop') return {};
  if (site.second !== undefined)
    return {
      release: { root: `/srv/www/${site.name}` },
      build: { static: { publish: { to: 'balancers', path: `/srv/www/${site.name}-static` } } },
      // All other sites are rolled before it is taken back.
      service: { name: site.name, slots: [site.port, site.second], linger: '30m', start_concurrency: 20 },
      rehearse: { command: 'gunicorn shop.wsgi --workers 1 --bind $BIND' },
    };
  return {
    release: { root: `/srv/www/${site.name}` },
    build: { static: { publish: { to: 'balancers', path: `/srv/www/${site.name}-static` } } },
    service: {
      name: site.name,
      wrapper: false,
      slots: [site.port],
      pid_file: `/run/${site.name}/gunicorn.pid`,
      command: `gunicorn shop.wsgi --workers ${WORKERS}`,
    },
    rehearse: { command: 'gunicorn shop.wsgi --workers 1 --bind $BIND' },
  };
}

/** The inventory's text of a site that orchestrate rolls. */
export const inventoryOf = (fleet: Fleet, site: Site, source: string, configuration: 'managed' | 'fixed'): string =>
  fleet
    .inventory(source, { ...differing(site), nginx: { configuration, switch: 'live' } })
    .replace(/^app: .*$/m, `app: ${site.name}`);

/** Puts the two further sites on a fleet that has the first. */
export async function addSites(fleet: Fleet): Promise<void> {
  const template = (name: string): Promise<string> => readFile(join(ROOT, 'templates', name), 'utf8');
  const ours = await Promise.all(
    [OWN, TWO].map(async (site) => {
      const inventory = read(inventoryOf(fleet, site, '.', 'managed'));
      return {
        ...site,
        inventory,
        upstreams: renderConfiguration(inventory, declaredGroups(inventory), await template('upstream.conf.hbs')).text,
        server: renderSite(inventory, { listen: String(site.listen) }, await template('site.conf.hbs')),
      };
    }),
  );
  const two = read(inventoryOf(fleet, TWO, '.', 'managed'));
  await Promise.all([
    ...fleet.balancers.map(async ({ name }) => {
      await fleet.sh(
        name,
        'mkdir -p /var/lib/orchestrate/own /var/lib/orchestrate/two /srv/www/own-static /srv/www/two-static /srv/www/peer-static /srv/www/peertwo-static /etc/nginx/peer',
      );
      for (const { name: site, upstreams, server } of ours) {
        await fleet.write(name, `/etc/nginx/orchestrate/${site}.conf`, upstreams);
        await fleet.write(name, `/etc/nginx/sites-fleet/${site}.conf`, server);
      }
      await fleet.write(name, '/etc/nginx/peer/nginx.conf', PEER_CONFIGURATION);
      await fleet.write(name, '/etc/nginx/peer/upstream.conf', peerUpstream(fleet, PEER));
      await fleet.write(name, '/etc/nginx/peer/upstream-two.conf', peerUpstream(fleet, PEER_TWO));
      await fleet.write(name, '/etc/sudoers.d/peer', `deploy ALL=(root) NOPASSWD: /usr/sbin/${PEER_NGINX} *\n`);
      await fleet.sh(
        name,
        [
          'set -e',
          'chmod 711 /var/lib/orchestrate/own /var/lib/orchestrate/two',
          'chown -R deploy: /var/lib/orchestrate/own /var/lib/orchestrate/two /srv/www/*-static /etc/nginx/peer /etc/nginx/orchestrate/own.conf /etc/nginx/orchestrate/two.conf',
          // Reloads are counted by what the master says at `notice`.
          "sed -i 's|^error_log .*|error_log /var/log/nginx/error.log notice;|' /etc/nginx/nginx.conf",
          'nginx -s reload',
          PEER_NGINX,
        ].join('\n'),
      );
    }),
    ...fleet.backends.map(({ name }) =>
      fleet.sh(
        name,
        [
          'set -e',
          ...[OWN, PEER, TWO, PEER_TWO].flatMap((each) => [
            `mkdir -p /srv/www/${each.name}/shared /run/${each.name}`,
            `cp /srv/www/shop/shared/env /srv/www/${each.name}/shared/env`,
            `chown -R deploy: /srv/www/${each.name} /run/${each.name}`,
            `cat >>/etc/supervisor/conf.d/sites.conf <<'END'\n${each === TWO ? printed('supervisor', two, FILE, name) : programs(each)}END`,
          ]),
          'supervisorctl update >/dev/null',
        ].join('\n'),
      ),
    ),
  ]);
}

function read(text: string): Inventory {
  const found = readInventory(text, 'inventory.yaml', '/root');
  if (found.ok) return found.inventory;
  throw new Error(found.problems.map(({ path, message }) => `${path}: ${message}`).join('\n'));
}

/** What a peer keeps alive: one program a slot. */
const programs = ({ name, port, second }: Site): string =>
  second === undefined
    ? program(name, name, 'current', port, 'gunicorn.pid', 1)
    : [port, second]
        .map((each) => program(`${name}-${each}`, name, `slot-${each}`, each, `gunicorn-${each}.pid`, 0.2))
        .join('');

/** As many sites have it: real paths by cd -P. It waits for the first release: one that ends at once would be started again without end. */
const program = (called: string, name: string, link: string, port: number, pid: string, wait: number): string => `
[program:${called}]
command=/bin/sh -c 'until cd -P /srv/www/${name}/${link}/repository 2>/dev/null; do sleep ${wait}; done; set -a && . /srv/www/${name}/shared/env && exec ../virtualenv/bin/gunicorn shop.wsgi --workers ${WORKERS} --threads ${THREADS} --bind 0.0.0.0:${port} --pid /run/${name}/${pid}'
user=deploy
autorestart=true
startsecs=0
stopasgroup=true
redirect_stderr=true
stdout_logfile=/var/log/supervisor/${called}.log
`;

const peerUpstream = (fleet: Fleet, { name, port }: Site): string =>
  `upstream ${name} {\n${fleet.backends.map(({ address }) => `  server ${address}:${port} max_fails=0;\n`).join('')}}\n`;

const peerServer = ({ name, listen }: Site): string => `server {
    listen ${listen};
    server_name shop.example.com;
    access_log /var/log/nginx/peer.log;
    keepalive_timeout 75s;
    client_max_body_size 100m;
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header Connection "";
    proxy_connect_timeout 1s;
    location / { proxy_pass http://${name}; }
    location /static/ { alias /srv/www/${name}-static/; }
  }`;

const PEER_CONFIGURATION = `user www-data;
worker_processes 2;
pid /run/nginx-peer.pid;
error_log /var/log/nginx/peer-error.log notice;
events { worker_connections 4096; }
http {
  default_type text/html;
  access_log off;
  server_tokens off;
  include /etc/nginx/peer/upstream*.conf;
  ${[PEER, PEER_TWO].map(peerServer).join('\n  ')}
}
`;
