import { readInventory, type Inventory } from '../../../src/core/inventory.ts';
import { DEPLOY } from './base.ts';

/** Sections with keys, laid over a fleet's own. */
export type Sections = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface Written {
  readonly balancers: readonly Named[];
  readonly backends: readonly Named[];
  readonly key: string;
  readonly knownHosts: string;
  readonly configuration: 'managed' | 'fixed';
  readonly switch: 'live' | 'reload';
  readonly program: 'wrapper' | 'own';
  readonly port: number;
  readonly two: readonly string[];
  readonly workers: number;
  readonly threads: number;
}

interface Named {
  readonly name: string;
  readonly address: string;
}

/** The text of an inventory for a fleet; `source` is the project's repository. */
export function inventoryText(fleet: Written, source: string, extra: Sections = {}): string {
  const own: Record<string, Record<string, unknown>> = {
    ssh: { user: DEPLOY.name, identity_file: fleet.key, known_hosts: fleet.knownHosts, config: false },
    balancers: addresses(fleet.balancers),
    backends: Object.fromEntries(
      fleet.backends.map(({ name, address }) => [
        name,
        { address, ...(fleet.two.includes(name) ? { slots: [fleet.port, fleet.port + 1] } : {}) },
      ]),
    ),
    release: { root: '/srv/www/shop' },
    build: { source, static: { publish: { to: 'balancers', path: '/srv/www/shop-static' } } },
    service: {
      name: 'shop',
      slots: [fleet.port],
      wrapper: fleet.program === 'wrapper',
      command: `gunicorn shop.wsgi --workers ${fleet.workers} --threads ${fleet.threads} --bind 0.0.0.0:$PORT --pid $PID_FILE`,
    },
    health: { host: 'shop.example.com' },
    nginx: { configuration: fleet.configuration, switch: fleet.switch },
  };
  const sections = Object.keys({ ...own, ...extra }).map((section) => {
    const keys = Object.entries({ ...own[section], ...extra[section] });
    return `${section}:\n${keys.map(([key, value]) => `  ${key}: ${JSON.stringify(value)}\n`).join('')}`;
  });
  return `app: shop\n${sections.join('')}`;
}

const addresses = (hosts: readonly Named[]): Record<string, unknown> =>
  Object.fromEntries(hosts.map(({ name, address }) => [name, { address }]));

export function readFleetInventory(text: string): Inventory {
  const read = readInventory(text, 'inventory.yaml', '/root');
  if (read.ok) return read.inventory;
  throw new Error(read.problems.map(({ path, message }) => `${path}: ${message}`).join('\n'));
}
