import Handlebars from 'handlebars';
import type { Backend, Inventory } from './inventory.ts';

/** Where an administrator installs templates/run-slot.sh. */
export const WRAPPER = '/usr/local/lib/orchestrate/run-slot.sh';

/** The folder of the wrapper's pid files. */
export const runFolder = (inventory: Inventory): string => `/run/${inventory.app}`;

/** The pid file of what serves on a port. */
export const pidFile = (inventory: Inventory, port: number): string =>
  inventory.service.wrapper ? `${runFolder(inventory)}/${port}.pid` : inventory.service.pid_file;

/** The file that holds the id of a port's wrapper; null where the site keeps its own program. */
export const slotFile = (inventory: Inventory, port: number): string | null =>
  inventory.service.wrapper ? `${runFolder(inventory)}/${port}.slot` : null;

/**
 * Where the end of the application's own log may be found, for application-log.sh, the likeliest first: paths, patterns of paths
 * (`*`), and `journal:UNIT`.
 */
export function applicationLogs(inventory: Inventory, port: number): string[] {
  const { app, service } = inventory;
  const said = /--(?:error-logfile|log-file)[= ]+["']?(\/[^\s"'$]+)/.exec(service.command)?.[1];
  const own = said === undefined ? [] : [said];
  if (service.wrapper)
    return service.manager === 'systemd' ? [...own, `journal:${unitOf(inventory, port)}`] : [...own, logOf(app, port)];
  const { name } = service;
  return service.manager === 'systemd'
    ? [...own, `journal:${name}.service`]
    : [
        ...own,
        ...['/var/log/supervisor/NAME-*', '/var/log/NAME/*.log', '/var/log/NAME*.log'].map((path) =>
          path.replace('NAME', name),
        ),
      ];
}

/**
 * The file for /etc/supervisor/conf.d that keeps a backend's wrappers alive.
 * @param template the text of templates/supervisor.conf.hbs
 * @param user the service's user, the one that orchestrate's ssh logs in as
 * @throws Error when no user is known, or the template names what there is not
 */
export function supervisorConfiguration(
  inventory: Inventory,
  backend: Backend,
  template: string,
  user = backend.ssh.user,
): string {
  return render(template, {
    ...common(inventory, backend, user),
    slots: backend.slots.map((port, at) => ({
      // The first keeps its name when a second comes: else Supervisor would end what serves.
      program: at === 0 ? inventory.service.name : `${inventory.service.name}-${port}`,
      command: words(inventory, String(port)).map(forSupervisor).join(' '),
      user: common(inventory, backend, user).user,
      // Not `log`: that is a helper of Handlebars' own.
      said: logOf(inventory.app, port),
    })),
  });
}

/** The systemd unit with an instance per slot, from templates/gunicorn@.service.hbs; otherwise as `supervisorConfiguration`. */
export function systemdUnit(inventory: Inventory, backend: Backend, template: string, user = backend.ssh.user): string {
  return render(template, {
    ...common(inventory, backend, user),
    command: words(inventory, '%i')
      .map((word) => (word === '%i' ? word : forSystemd(word)))
      .join(' '),
    slots: backend.slots.map((port) => ({ unit: unitOf(inventory, port).replace(/\.service$/, '') })),
  });
}

/** The line for /etc/tmpfiles.d that makes the pid files' folder at each boot, from templates/tmpfiles.conf.hbs. */
export function tmpfilesLine(
  inventory: Inventory,
  backend: Backend,
  template: string,
  user = backend.ssh.user,
): string {
  return render(template, common(inventory, backend, user));
}

function common({ app, service }: Inventory, backend: Backend, user: string | undefined) {
  if (user === undefined) throw new Error(`no user is known for ${backend.name}: set ssh.user in the inventory`);
  return { app, user, name: service.name, wrapper: WRAPPER, run: `/run/${app}` };
}

const words = ({ app, release, service }: Inventory, port: string): string[] => [
  WRAPPER,
  release.root,
  release.code,
  release.virtualenv,
  `${release.root}/shared/${release.env_file}`,
  `/run/${app}`,
  port,
  service.command,
];

const logOf = (app: string, port: number): string => `/var/log/supervisor/${app}-${port}.log`;
const unitOf = ({ service }: Inventory, port: number): string => `${service.name}@${port}.service`;

const render = (template: string, values: object): string =>
  Handlebars.compile(template, { noEscape: true, strict: true })(values);

/**
 * One word of a command line in Supervisor's configuration. It expands `%`, takes ` ;` and ` #` for the begin of a comment even
 * between quotes (a pair of quotes more keeps them apart), and then splits as a shell does.
 */
function forSupervisor(word: string): string {
  if (/^[A-Za-z0-9_./:@-]+$/.test(word)) return word;
  if (/[\r\n]/.test(word)) throw new Error(`service.command has a line break: ${JSON.stringify(word)}`);
  const quoted = `'${word.replaceAll("'", `'"'"'`)}'`;
  return quoted.replaceAll('%', '%%').replaceAll(/(\s)(?=[;#])/g, "$1''");
}

/** One word of a command line in a systemd unit, which expands `%` and `$` and knows the escapes of C. */
function forSystemd(word: string): string {
  if (/^[A-Za-z0-9_./:@-]+$/.test(word)) return word;
  if (/[\r\n]/.test(word)) throw new Error(`service.command has a line break: ${JSON.stringify(word)}`);
  return `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`;
}
