import Handlebars from 'handlebars';
import { sudoCommands, sudoersLine } from './checks/sudo.ts';
import { buildsHere } from './builder.ts';
import type { Backend, Host, Inventory } from './inventory.ts';
import { runFolder, WRAPPER } from './service.ts';

/** Whom ssh logs in as on a host. */
export type UserOf = (host: Host) => string;

/** The file for /etc/sudoers.d (templates/sudoers.hbs); null: the inventory needs no sudo. */
export function sudoersFile(inventory: Inventory, userOf: UserOf, template: string): string | null {
  const commands = sudoCommands(inventory);
  if (commands.length === 0) return null;
  const users = [...new Set(inventory.balancers.map(userOf))];
  const lines = users.map((user) => sudoersLine(user, commands));
  return Handlebars.compile(template, { noEscape: true, strict: true })({ app: inventory.app, lines });
}

/**
 * What an administrator puts on the hosts, once, in order: lines for a terminal. Lines that begin with `orchestrate` or `for` are for
 * the operator's machine, all others for root on the host.
 * @param file the inventory as `-i` would name it, or null for the usual one
 */
export function setupSteps(inventory: Inventory, userOf: UserOf, file: string | null): string[] {
  const orchestrate = `orchestrate${file === null ? '' : ` -i ${file}`}`;
  return [
    `What is to be put on the hosts of ${inventory.app}, once. Lines that begin with \`${orchestrate}\` or \`for\` run here, the others as root`,
    'on the host. (Where root has no ssh: as one who may sudo, with sudo before the command on the host.)',
    '',
    '0. From here, once per host, so that its key is known and the login works:',
    ...machines(inventory).map((host) => `     ssh ${userOf(host)}@${host.address} true`),
    '',
    ...grouped(inventory.balancers, userOf).flatMap(([user, hosts]) => [
      ...balancerSteps(inventory, user, hosts, orchestrate),
      '',
    ]),
    ...grouped(inventory.backends, userOf).flatMap(([user, hosts]) => [
      ...backendSteps(inventory, user, hosts, orchestrate),
      '',
    ]),
    ...(buildsHere(inventory) ? [...builderSteps(inventory), ''] : []),
    `Then: ${orchestrate} check   tells what is still missing`,
    `      ${orchestrate} plan    shows what a roll would do`,
    `      ${orchestrate} roll`,
  ];
}

function balancerSteps(inventory: Inventory, user: string, hosts: readonly Host[], orchestrate: string): string[] {
  const { app, nginx, build } = inventory;
  const managed = nginx.configuration === 'managed';
  const own = `-o ${user}`;
  const folder = nginx.file.replace(/\/[^/]+$/, '');
  const logs = nginx.access_log.replace(/\/[^/]+$/, '');
  const { publish, command } = build.static;
  return [
    `On each balancer (${names(hosts)}):`,
    '1. Folders, and the right to read the access log (adm: the group that may, on Debian):',
    `     install -d -m 755 ${managed ? `${own} ` : ''}${folder}`,
    `     install -d -m 711 ${own} ${nginx.folder}`,
    ...(command !== null && publish.to === 'balancers' ? [`     install -d -m 755 ${own} ${publish.path}`] : []),
    `     usermod -aG adm ${user}   # if ${logs} is adm's`,
    '2. The upstreams, before any site that uses them:',
    ...onEach(
      hosts,
      `${orchestrate} init --print upstream`,
      // With a secret in it: for root, which Nginx reads it as, and for whom ssh logs in as.
      `install -m ${inventory.canary.header === undefined ? '644' : `640 -g "$(id -gn ${user})"`} ${managed ? `${own} ` : ''}/dev/stdin ${nginx.file}`,
    ),
    `     echo 'include ${folder}/*.conf;' >/etc/nginx/conf.d/00-orchestrate.conf   # at http level, before the sites`,
    ...(nginx.switch === 'live'
      ? [
          `3. The site: \`${orchestrate} init --print site\` prints an example; an existing site needs its lines marked (*), and`,
          `   access_log ${nginx.access_log} orchestrate_${app};`,
          ...(inventory.canary.header === undefined
            ? []
            : [
                `   The line that clears ${inventory.canary.header.name} keeps its secret from the application and its logs.`,
              ]),
        ]
      : [
          `3. The site keeps its \`proxy_pass http://${app};\`, and needs in its server block:`,
          `     access_log ${nginx.access_log} orchestrate_${app};`,
        ]),
    '     nginx -t && nginx -s reload',
    ...(managed
      ? [
          '4. sudo, for these two commands alone:',
          ...onEach(
            hosts,
            `${orchestrate} init --print sudoers`,
            `install -m 440 /dev/stdin /etc/sudoers.d/orchestrate-${app} && visudo -c`,
          ),
        ]
      : ['4. No sudo: nginx.configuration is fixed.']),
  ];
}

function backendSteps(inventory: Inventory, user: string, hosts: readonly Backend[], orchestrate: string): string[] {
  const { release, service, build } = inventory;
  const env = `${release.root}/shared/${release.env_file}`;
  const own = `-o ${user}`;
  const { publish, command } = build.static;
  return [
    `On each backend (${names(hosts)}):`,
    '1. Folders, and the environment of the application (KEY=value lines: DJANGO_SETTINGS_MODULE, SECRET_KEY, the database ...):',
    `     install -d -m 755 ${own} ${release.root} && install -d -m 755 ${own} ${release.root}/shared`,
    `     [ -e ${env} ] || install -m 600 ${own} /dev/null ${env}`,
    ...(command !== null && publish.to === 'backends' ? [`     install -d -m 755 ${own} ${publish.path}`] : []),
    ...(buildsHere(inventory) ? [] : [`     apt-get install python3-venv   # on ${build.builder}, which builds`]),
    ...(service.wrapper ? wrapperSteps(inventory, hosts, orchestrate) : ownProgram(inventory, user)),
  ];
}

function builderSteps({ release, build }: Inventory): string[] {
  const env = `${release.root}/shared/${release.env_file}`;
  return [
    'On this machine, which builds, as root; ME is who runs orchestrate:',
    '1. The same folders as on a backend, since a virtual environment works at its own path alone:',
    `     install -d -m 755 -o ME ${release.root} && install -d -m 755 -o ME ${release.root}/shared`,
    `2. ${build.python} as on the backends, and the environment that build, rehearsal and migration get (they reach the database from here):`,
    '     apt-get install python3-venv',
    `     [ -e ${env} ] || install -m 600 -o ME /dev/null ${env}`,
  ];
}

function wrapperSteps(inventory: Inventory, hosts: readonly Backend[], orchestrate: string): string[] {
  const { service } = inventory;
  const systemd = service.manager === 'systemd';
  const print = (what: string, slots: readonly Backend[]): string =>
    `${orchestrate} init --print ${what}${slots.length === hosts.length ? '' : ` --on ${slots[0]?.name ?? ''}`}`;
  const alike = [...Map.groupBy(hosts, ({ slots }) => slots.join()).values()];
  return [
    '2. The wrapper that keeps a slot serving:',
    ...onEach(hosts, `${orchestrate} init --print run-slot`, `install -D -m 755 /dev/stdin ${WRAPPER}`),
    ...(systemd
      ? [
          '3. The unit:',
          ...alike.flatMap((some) =>
            onEach(
              some,
              print('systemd', some),
              `cat >/etc/systemd/system/${service.name}@.service && systemctl daemon-reload && systemctl enable --now ${(some[0]?.slots ?? []).map((port) => `${service.name}@${port}`).join(' ')}`,
            ),
          ),
        ]
      : [
          `3. The folder of its pid files (${runFolder(inventory)}), and the program:`,
          ...onEach(
            hosts,
            `${orchestrate} init --print tmpfiles`,
            `cat >/etc/tmpfiles.d/${service.name}.conf && systemd-tmpfiles --create`,
          ),
          ...alike.flatMap((some) =>
            onEach(
              some,
              print('supervisor', some),
              `cat >/etc/supervisor/conf.d/${service.name}.conf && supervisorctl update`,
            ),
          ),
        ]),
  ];
}

function ownProgram({ service, release }: Inventory, user: string): string[] {
  const code = `${release.root}/current/${release.code}`;
  const start = `cd -P ${code} && exec ../${release.virtualenv}/bin/gunicorn ... --pid ${service.pid_file}`;
  const keeps: Readonly<Record<Inventory['service']['manager'], string>> = {
    supervisor: `user=${user}, autorestart=true, startsecs=0`,
    systemd: `User=${user}, Restart=always, StartLimitIntervalSec=0`,
    pidfile: `as ${user}, started again whenever it ends`,
    command: `as ${user}`,
  };
  return [
    `2. Your own program ${service.name}: ${keeps[service.manager]}, started with real paths:`,
    `     ${start}`,
    ...(service.pid_file.startsWith('/run/')
      ? [
          `     echo 'd ${service.pid_file.replace(/\/[^/]+$/, '')} 0755 ${user} - -' >/etc/tmpfiles.d/${service.name}.conf && systemd-tmpfiles --create`,
        ]
      : []),
  ];
}

/** A text from here to a file on each of some hosts. */
function onEach(hosts: readonly Host[], print: string, there: string): string[] {
  const [only] = hosts;
  if (hosts.length === 1 && only !== undefined) return [`     ${print} | ssh root@${only.address} '${there}'`];
  const addresses = hosts.map(({ address }) => address).join(' ');
  return [`     for host in ${addresses}; do ${print} | ssh root@$host '${there}'; done`];
}

function grouped<H extends Host>(hosts: readonly H[], userOf: UserOf): [string, H[]][] {
  return [...Map.groupBy(hosts, userOf)];
}

function machines({ balancers, backends }: Inventory): Host[] {
  return [...new Map<string, Host>([...balancers, ...backends].map((host) => [host.name, host])).values()];
}

function names(hosts: readonly Host[]): string {
  const all = hosts.map(({ name }) => name);
  return all.length > 8 ? `${all.slice(0, 6).join(', ')} and ${all.length - 6} more` : all.join(', ');
}
