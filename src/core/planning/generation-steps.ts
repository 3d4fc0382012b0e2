import type { Inventory } from '../inventory.ts';
import type { ProbeStep, RunStep } from '../plan.ts';
import { splitSocket } from '../address.ts';

const SCRIPT_DEADLINE = 60_000;
const ROUTING_DEADLINE = 5_000;

/** A generation as it is to be made on the balancers. */
export interface Made {
  /** Its folder's name. */
  readonly number: string;
  /** Lane to folder. */
  readonly table: Readonly<Record<string, string>>;
  /** The record's text. */
  readonly record: string;
  /** What it is for, in a few words. */
  readonly told: string;
}

const lanesOf = ({ table }: Made): string[] => Object.entries(table).map(([lane, folder]) => `${lane}=${folder}`);

/** Makes a generation on balancers, which serves nobody yet. */
export const prepareStep = (inventory: Inventory, hosts: readonly string[], made: Made): RunStep => ({
  kind: 'run',
  say: `prepare generation ${made.number} on ${hosts.length === 1 ? hosts[0] : 'all balancers'}: ${made.told}`,
  script: 'prepare',
  fence: inventory.nginx.folder,
  calls: hosts.map((host) => ({ host, args: [made.number, ...lanesOf(made)] })),
  input: made.record,
  deadline: SCRIPT_DEADLINE,
});

/** Makes a generation and lets it serve: on several balancers it is made on all before it serves on any. `calls`: the balancers, and what serves there. */
export function moveSteps(
  inventory: Inventory,
  calls: readonly { readonly host: string; readonly expected: string }[],
  made: Made,
): RunStep[] {
  const { number, told, record } = made;
  const common = { kind: 'run', fence: inventory.nginx.folder, deadline: SCRIPT_DEADLINE } as const;
  const undo = 'a new generation with the table of the one before';
  if (calls.length === 1)
    return [
      {
        ...common,
        say: `flip to generation ${number}: ${told}`,
        script: 'move',
        calls: calls.map(({ host, expected }) => ({ host, args: [expected, number, ...lanesOf(made)] })),
        input: record,
        undo,
      },
    ];
  return [
    prepareStep(
      inventory,
      calls.map(({ host }) => host),
      made,
    ),
    {
      ...common,
      say: `flip to generation ${number}`,
      script: 'flip',
      calls: calls.map(({ host, expected }) => ({ host, args: [expected, number] })),
      undo,
    },
  ];
}

/** Sees, on each of the balancers, that Nginx's workers resolve a generation. */
export function proofStep({ app, nginx }: Inventory, number: string, through: readonly string[]): ProbeStep {
  return {
    kind: 'probe',
    say: `see that Nginx serves generation ${number}`,
    host: through.join(', '),
    through,
    ...splitSocket(nginx.status),
    path: '/generation',
    hostHeader: `orchestrate-${app}`,
    headers: {},
    status: 200,
    body: `${nginx.folder}/generations/${number}/self`,
    consecutive: 1,
    parallel: 1,
    interval: 50,
    timeout: 2000,
    deadline: ROUTING_DEADLINE,
  };
}

/** A generation's folder name; `none` before the first. */
export const generationName = (generation: number | null): string =>
  generation === null ? 'none' : String(generation).padStart(6, '0');
