import { stat, writeFile } from 'node:fs/promises';
import { Refusal } from '../core/failure.ts';
import type { Backend, Host, Inventory } from '../core/inventory.ts';
import { renderConfiguration } from '../core/routing/configuration.ts';
import { declaredGroups, groupOf } from '../core/routing/groups.ts';
import { renderSite } from '../core/routing/site.ts';
import { supervisorConfiguration, systemdUnit, tmpfilesLine } from '../core/service.ts';
import { setupSteps, sudoersFile } from '../core/setup.ts';
import { answeredInventory, problemOf, REQUIRED, type Answers } from '../core/setup-inventory.ts';
import { headerSecret } from '../fleet/header-secret.ts';
import { ConnectError } from '../fleet/ports.ts';
import { resolveSsh, thisMachine } from '../fleet/ssh-config.ts';
import { quote } from '../fleet/quote.ts';
import { template } from '../fleet/templates.ts';

/** Asks for one answer until it will do; `problem` says why one will not. */
export type AskFor = (
  question: string,
  usual: string | undefined,
  problem: (text: string) => string | undefined,
) => Promise<string>;

const QUESTIONS: readonly (readonly [keyof Answers, string, string | undefined])[] = [
  ['app', 'Name of the application (small letters, digits, _)', undefined],
  ['balancers', 'Balancers, NAME=ADDRESS with commas (lb1=10.0.0.10,lb2=10.0.0.9)', undefined],
  ['backends', 'Backends, likewise (web[1-3]=10.0.0.[11-13])', undefined],
  ['host', 'Host name of the site (shop.example.com)', undefined],
  ['user', 'User on the hosts', 'deploy'],
  ['configuration', 'Nginx configuration: managed (sudo for nginx -t and -s reload) or fixed (no sudo)', 'managed'],
];

/**
 * The text of a new inventory, from flags, and from questions where one is missing and somebody can be asked.
 * Rejects with `Refusal` (exit 2) that names the flags that are missing or wrong.
 */
export async function newInventory(flags: Partial<Answers>, askFor: AskFor | undefined): Promise<string> {
  const text = template('inventory.yaml.hbs', '');
  const lacking = REQUIRED.filter((key) => flags[key] === undefined);
  const given: Partial<Record<keyof Answers, string>> = { ...flags };
  if (lacking.length > 0) {
    if (askFor === undefined)
      throw new Refusal(
        2,
        `${lacking.map((key) => `--${key}`).join(', ')} ${lacking.length === 1 ? 'is' : 'are'} missing, and there is nobody to ask: this is not a terminal.`,
        'orchestrate init --app shop --balancers lb1=10.0.0.10 --backends web[1-3]=10.0.0.[11-13] --host shop.example.com --user deploy',
      );
    for (const [key, question, usual] of QUESTIONS) {
      // oxlint-disable-next-line no-await-in-loop -- one question after the other
      given[key] ??= await askFor(question, usual, (answer) => problemOf(key, answer, text));
    }
  }
  const { app = '', balancers = '', backends = '', host = '', user, configuration = 'managed' } = given;
  const read = answeredInventory(
    { app, balancers, backends, host, configuration, ...(user === undefined ? {} : { user }) },
    text,
  );
  if (read.problems.length === 0) return read.text;
  throw new Refusal(
    2,
    'No inventory was written:',
    'Correct these flags.',
    read.problems.map(({ answer, message }) => `--${answer}: ${message}`),
  );
}

/** Rejects with `Refusal` (exit 2) where a file is there, unless `force`. */
export async function mayWrite(file: string, force: boolean): Promise<void> {
  const there = await stat(file).then(
    () => true,
    () => false,
  );
  if (there && !force)
    throw new Refusal(
      2,
      `${file} is there already, and stays as it is.`,
      `\`orchestrate init --print steps\` prints what is to be put on its hosts; -i FILE writes another, --force replaces this one.`,
    );
}

/** Writes an inventory. Rejects with `Refusal` (exit 2) where that can't be done. */
export async function writeInventory(file: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(file, text, { flag: force ? 'w' : 'wx' });
  } catch (error) {
    throw new Refusal(
      2,
      `${file} can't be written: ${error instanceof Error ? error.message : String(error)}`,
      'Mend that, or name another with -i FILE.',
    );
  }
}

const PRINTS = ['steps', 'upstream', 'site', 'sudoers', 'run-slot', 'supervisor', 'systemd', 'tmpfiles'] as const;
export type Print = (typeof PRINTS)[number];

/**
 * One text for the hosts, as it is to be installed. `on`: for which host, where they differ; default: the first backend.
 * Throws `Refusal` (exit 2) for what this inventory has no use for.
 */
export function printed(what: Print, inventory: Inventory, file: string, on: string | undefined): string {
  const { nginx } = inventory;
  const text = (name: string): string => template(name, file);
  const backend = (): Backend => {
    const found = inventory.backends.find(({ name }) => on === undefined || name === on);
    if (found !== undefined) return found;
    throw new Refusal(2, `there is no backend ${on ?? ''}`, 'Name a backend of the inventory with --on.');
  };
  switch (what) {
    case 'steps':
      return `${setupSteps(inventory, userOf, file === 'inventory.yaml' ? null : /^[\w./-]+$/.test(file) ? file : quote(file)).join('\n')}\n`;
    case 'upstream': {
      const groups = nginx.switch === 'live' ? declaredGroups(inventory) : [groupOf(new Set(), inventory)];
      return renderConfiguration(inventory, groups, text(nginx.template), headerSecret(inventory)).text;
    }
    case 'site':
      if (nginx.switch === 'reload')
        throw new Refusal(
          2,
          'with nginx.switch: reload the site stays as it is',
          `It needs \`proxy_pass http://${inventory.app};\` and \`access_log ${nginx.access_log} orchestrate_${inventory.app};\`.`,
        );
      return renderSite(inventory, { listen: '80' }, text('site.conf.hbs'));
    case 'sudoers': {
      const made = sudoersFile(inventory, userOf, text('sudoers.hbs'));
      if (made !== null) return made;
      throw new Refusal(
        2,
        nginx.configuration === 'fixed'
          ? 'nginx.configuration is fixed: no sudo is needed'
          : 'nginx.test and nginx.reload use no sudo',
        'Nothing is to be installed.',
      );
    }
    case 'run-slot':
      return text('run-slot.sh');
    case 'supervisor':
      return supervisorConfiguration(inventory, backend(), text('supervisor.conf.hbs'), userOf(backend()));
    case 'systemd':
      return systemdUnit(inventory, backend(), text('gunicorn@.service.hbs'), userOf(backend()));
    case 'tmpfiles':
      return tmpfilesLine(inventory, backend(), text('tmpfiles.conf.hbs'), userOf(backend()));
    default:
      return what satisfies never;
  }
}

/** As ssh would find it: the inventory, ~/.ssh/config, this machine's user. */
function userOf(host: Host): string {
  try {
    return resolveSsh(host, thisMachine()).user;
  } catch (error) {
    if (error instanceof ConnectError) throw new Refusal(2, `${host.name}: ${error.message}`, error.remedy);
    throw error;
  }
}
