import type { Inventory } from '../inventory.ts';
import type { RunStep } from '../plan.ts';
import type { Staging } from './staging.ts';

const REHEARSAL = 90_000;

/** Starts the new release beside the one that serves, on a port of its own; `asks`: and asks its health and its warm-up paths. */
export function rehearsal(
  inventory: Inventory,
  goal: Staging,
  hosts: readonly string[],
  asks: boolean,
  when: RunStep['when'],
): RunStep {
  const { root, code, env_file } = inventory.release;
  const { health: wanted } = inventory;
  return {
    kind: 'run',
    say: asks
      ? `start it on a free local port and ask ${wanted.path}`
      : 'start it on a free local port (its health is asked after the migration)',
    script: 'rehearse',
    calls: hosts.map((host) => ({
      host,
      args: [
        root,
        goal.release.release,
        code,
        goal.release.virtualenv,
        env_file,
        inventory.rehearse.command,
        ...(asks
          ? [
              wanted.path,
              wanted.host,
              String(wanted.status),
              ...Object.entries(wanted.headers).map(([name, value]) => `${name}: ${value}`),
              '--',
              ...wanted.warm,
            ]
          : []),
      ],
    })),
    deadline: REHEARSAL,
    ...(when === undefined ? {} : { when }),
    ...(when?.is === true ? {} : { leave: true }),
  };
}
