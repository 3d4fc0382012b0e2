import { homedir, hostname, userInfo } from 'node:os';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { formatProblem, readInventory, type Inventory } from './core/inventory.ts';
import { buildsHere } from './core/builder.ts';
import { Refusal } from './core/failure.ts';
import type { FleetView } from './core/fleet.ts';
import type { Emit, Event } from './core/event.ts';
import { cacheFolder } from './fleet/cache-folder.ts';
import { findInventory } from './fleet/inventory-file.ts';
import type { Clock, Probe, Remote } from './fleet/ports.ts';
import { besideSsh } from './fleet/local.ts';
import { openSsh } from './fleet/ssh.ts';
import { openProbe } from './fleet/probe.ts';
import { realClock } from './fleet/clock.ts';
import { thisMachine } from './fleet/ssh-config.ts';
import { template } from './fleet/templates.ts';
import { renderConfiguration } from './core/routing/configuration.ts';
import { declaredGroups, groupOf, type Group } from './core/routing/groups.ts';
import { headerSecret } from './fleet/header-secret.ts';
import { sealOf, type Seal } from './core/sealed.ts';
import { script } from './fleet/scripts.ts';
import { openSource, type Source } from './fleet/source.ts';
import { OutTimes } from './tell/out-times.ts';

/** An inventory with the doors to its fleet. Nothing is connected before it is needed. */
export interface Opened {
  readonly inventory: Inventory;
  /** Where the inventory was read; relative paths in it start in its folder. */
  readonly file: string;
  /** What in it is allowed and perhaps not meant, a line each, with its place. */
  readonly doubts: readonly string[];
  readonly remote: Remote;
  readonly probe: Probe;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly script: (name: string) => string;
  /** The balancers' configuration that the inventory asks for, with groups for further sets of hosts that are out. */
  readonly configuration: FleetView['configuration'];
  /** Keeps the secret of canary.header out of plans; absent: there is none. */
  readonly seal?: Seal;
  /** Opened at the first call: a command without source needs no repository. */
  readonly source: () => Promise<Source>;
  readonly archive: (commit: string) => Promise<Readable>;
  readonly outTimes: OutTimes;
  /** user@machine, for records. */
  readonly by: string;
  readonly close: () => Promise<void>;
}

/** Reads the inventory and gets the doors ready. Rejects with `Refusal` (exit 2) that lists every problem of the inventory. */
export async function open(inventoryFile: string | undefined, listener: (event: Event) => void): Promise<Opened> {
  const { inventory, file, doubts } = await loadInventory(inventoryFile);
  const clock = realClock;
  const machines = new Map([...inventory.balancers, ...inventory.backends].map((host) => [host.name, host]));
  const ssh = openSsh([...machines.values()], {
    concurrency: inventory.ssh.concurrency,
    environment: thisMachine(),
  });
  const remote = buildsHere(inventory) ? besideSsh(ssh) : ssh;
  const outTimes = new OutTimes(() => clock.ticks());
  const secret = headerSecret(inventory);
  const upstream = template(inventory.nginx.template, file);
  const rendered = (of: Inventory, wanted: readonly Group[]): string => {
    const groups = of.nginx.switch === 'live' ? declaredGroups(of, wanted) : [wanted[0] ?? groupOf(new Set(), of)];
    return renderConfiguration(of, groups, upstream, secret).text;
  };
  // Each look needs it; on a large fleet it is a megabyte or more.
  let usual: string | undefined;
  let source: Promise<Source> | undefined;
  const opened: Opened = {
    inventory,
    file,
    doubts,
    remote,
    probe: openProbe(remote),
    clock,
    emit: (event) => {
      outTimes.tell(event);
      listener({ at: new Date(clock.now()).toISOString(), ...event });
    },
    script,
    configuration: (wanted, of = inventory) =>
      wanted.length === 0 && of === inventory ? (usual ??= rendered(of, wanted)) : rendered(of, wanted),
    ...(secret === undefined ? {} : { seal: sealOf(secret) }),
    source: () => (source ??= openSource(inventory.build, cacheFolder(), dirname(file))),
    archive: async (commit) => (await opened.source()).archive(commit),
    outTimes,
    by: `${userInfo().username}@${hostname()}`,
    close: () => remote.close(),
  };
  return opened;
}

/** The inventory alone. Rejects with `Refusal` (exit 2). */
export async function loadInventory(
  inventoryFile: string | undefined,
): Promise<Pick<Opened, 'inventory' | 'file' | 'doubts'>> {
  const found = await findInventory(inventoryFile, process.env);
  const read = readInventory(found.text, found.file, homedir());
  if (read.ok) return { inventory: read.inventory, file: found.file, doubts: read.warnings.map(formatProblem) };
  throw new Refusal(
    2,
    `${found.file} can't be used (${read.problems.length === 1 ? 'one problem' : `${read.problems.length} problems`}); nothing was touched.`,
    'Correct the places above; the example inventory.yaml explains every key.',
    read.problems.map(formatProblem),
  );
}
