import type { Inventory } from '../inventory.ts';
import { databasesOf, manageOf } from '../migrations.ts';
import type { Phase, RunStep, Step } from '../plan.ts';
import { rehearsal } from './rehearsal.ts';
import type { Staging } from './staging.ts';

const MINUTE = 60_000;
/** A migration takes what it takes; this ends what hangs. */
const LONG = 60 * MINUTE;

/** Asks Django what is to be migrated, and refuses what would break the release that still serves. */
export function pending(inventory: Inventory, goal: Staging): RunStep {
  const command = inventory.migrate.command ?? '';
  const { root, code, env_file } = inventory.release;
  return {
    kind: 'run',
    say: 'ask Django which migrations are pending',
    script: 'migrations',
    calls: [
      {
        host: goal.builder,
        args: [
          root,
          goal.release.release,
          code,
          goal.release.virtualenv,
          env_file,
          manageOf(command),
          ...databasesOf(command),
        ],
      },
    ],
    judge: { kind: 'migrations', allow: inventory.migrate.allow, named: goal.allowMigrations },
    deadline: 5 * MINUTE,
  };
}

/** The database as the new release needs it, once; and then the rehearsal that had to wait for it. */
export function migrating(inventory: Inventory, goal: Staging): Phase[] {
  const { root, code, env_file } = inventory.release;
  const when = { value: 'migrations pending', is: true } as const;
  const steps: Step[] = [
    ...(inventory.rehearse.on === 'none' ? [pending(inventory, goal)] : []),
    {
      kind: 'run',
      say: 'say that the releases before may not work with the database any more',
      script: 'one-way',
      fence: `${root}/.orchestrate`,
      calls: [{ host: goal.builder, args: [root, goal.release.release] }],
      deadline: MINUTE,
      when: { value: 'migrations not additive', is: true },
    },
    {
      kind: 'run',
      say: 'migrate the database, once',
      script: 'migrate',
      fence: `${root}/.orchestrate`,
      calls: [
        {
          host: goal.builder,
          args: [root, goal.release.release, code, goal.release.virtualenv, env_file, inventory.migrate.command ?? ''],
        },
      ],
      deadline: LONG,
      when,
      sets: 'migrated',
      undo: 'a migration is not taken back; additive ones leave the release before working',
    },
    ...(inventory.rehearse.on === 'none'
      ? []
      : [rehearsal(inventory, goal, inventory.rehearse.on === 'all' ? goal.hosts : [goal.builder], true, when)]),
  ];
  return [{ name: 'migrate', title: 'migrate, where migrations are pending', tracks: [{ host: goal.builder, steps }] }];
}
