import { buildsHere } from '../builder.ts';
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
  // Another operator has another machine: it raises no fence on this one, and sees no mark on it. The backends have both.
  const here = buildsHere(inventory);
  const steps: Step[] = [
    ...(inventory.rehearse.on === 'none' ? [pending(inventory, goal)] : []),
    ...(here ? [stillOurs(inventory, goal)] : []),
    {
      kind: 'run',
      say: 'say that the releases before may not work with the database any more',
      script: 'one-way',
      fence: `${root}/.orchestrate`,
      calls: [goal.builder, ...(here ? goal.hosts : [])].map((host) => ({ host, args: [root, goal.release.release] })),
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

/** The fence of a machine that no other operator has tells nothing of them: it is raised where theirs would be, right before the database is changed. */
const stillOurs = ({ release }: Inventory, goal: Staging): RunStep => ({
  kind: 'run',
  say: 'see that no other operator has taken over, before the database is migrated from here',
  script: 'fence',
  fence: `${release.root}/.orchestrate`,
  calls: goal.hosts.map((host) => ({ host, args: [] })),
  deadline: MINUTE,
  when: { value: 'migrations pending', is: true },
});
