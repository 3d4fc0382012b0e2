import Handlebars from 'handlebars';
import type { Backend, Inventory } from './inventory.ts';

/** Where an administrator installs templates/run-slot.sh. */
export const RUN_SLOT = '/usr/local/lib/orchestrate/run-slot.sh';

/** The folder of pid files on a backend. */
export const runFolder = (inventory: Pick<Inventory, 'app'>): string => `/run/${inventory.app}`;

/** The program section of supervisor for a backend's slots (templates/supervisor.conf.hbs). `user`: as whom the application runs. */
export function supervisorConfiguration(inventory: Inventory, backend: Backend, user: string, template: string): string {
  return render(template, {
    app: inventory.app,
    host: backend.name,
    user,
    run: runFolder(inventory),
    // Supervisor splits like a shell, reads % as its own and ` ;` as a comment.
    slots: backend.slots.map((port) => ({
      port,
      command: words(inventory, String(port))
        .map((word) => (/^[A-Za-z0-9/._-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`))
        .join(' ')
        .replaceAll('%', '%%'),
    })),
  });
}

/** systemd's unit, one for all slots (templates/gunicorn@.service.hbs): %i is the port. */
export function systemdUnit(inventory: Inventory, user: string, template: string): string {
  const command = words(inventory, '\u0000')
    .map((word) => (/^[A-Za-z0-9/._-]+$/.test(word) ? word : `"${word.replaceAll(/[\\"]/g, '\\$&').replaceAll('$', '$$$$').replaceAll('%', '%%')}"`))
    .join(' ')
    .replaceAll('"\u0000"', '%i');
  return render(template, { app: inventory.app, user, port: inventory.service.slots[0], command });
}

function words(inventory: Inventory, port: string): string[] {
  const { root, code, virtualenv, env_file } = inventory.release;
  if (/ ;|[\n\r]/.test(inventory.service.command))
    throw new Error('service.command has a ` ;` or a line break, which supervisor would not read as part of it');
  return [RUN_SLOT, root, code, virtualenv, `${root}/shared/${env_file}`, runFolder(inventory), port, inventory.service.command];
}

const render = (template: string, values: object): string =>
  Handlebars.compile(template, { noEscape: true, strict: true })(values);
