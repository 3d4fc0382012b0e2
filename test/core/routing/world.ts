import type { Backend, Inventory } from '../../../src/core/inventory.ts';

/** An inventory of so many backends, for what the routing reads of it. */
export function world(
  names: readonly string[],
  more: { app?: string; nginx?: Partial<Inventory['nginx']>; roll?: Partial<Inventory['roll']>; backend?: object } = {},
): Inventory {
  const backends = names.map((name, at): Backend => ({
    name,
    address: `10.0.${Math.floor(at / 200)}.${11 + (at % 200)}`,
    slots: [8000],
    ssh: { known_hosts: '', config: false, connect_timeout: 1000, keepalive: 1000 },
    ...more.backend,
  }));
  const app = more.app ?? 'shop';
  const known = {
    app,
    backends,
    nginx: {
      switch: 'live',
      configuration: 'managed',
      file: `/etc/nginx/orchestrate/${app}.conf`,
      folder: `/var/lib/orchestrate/${app}`,
      template: 'upstream.conf.hbs',
      method: 'round_robin',
      server_options: 'max_fails=0',
      status: '127.0.0.1:8099',
      test: 'sudo nginx -t',
      reload: 'sudo nginx -s reload',
      keepalive_timeout: 75_000,
      access_log: `/var/log/nginx/${app}.json`,
      ...more.nginx,
    },
    canary: {
      share: 10,
      steps: [],
      hold: 1_800_000,
      sticky: 'cookie',
      unwatched: 'abort',
      promote: 'ask',
      false_alarms: 0.01,
      max_error_rate: 0.01,
    },
    roll: {
      batch: [1],
      order: 'inventory',
      pause: 0,
      bake: 0,
      min_in_rotation: '50%',
      on_failure: 'rollback',
      max_failures: 0,
      ...more.roll,
    },
  } satisfies Partial<Inventory>;
  return known as unknown as Inventory;
}

export const web = (count: number): string[] => Array.from({ length: count }, (_, at) => `web${at + 1}`);
