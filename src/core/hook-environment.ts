import type { Beginning } from './event.ts';

/** The hooks, in the inventory's words. */
export type HookName = 'before_roll' | 'after_batch' | 'after_roll' | 'on_failure';

/** What a hook is told beside how the command began. */
export interface HookTold {
  readonly batch?: { readonly number: number; readonly of: number; readonly hosts: readonly string[] };
  readonly exit?: number;
  readonly failedHost?: string;
}

/** What every hook finds in its environment; what is not known is not there. README.md explains each. `backends`: those of the inventory. */
export function hookEnvironment(
  hook: HookName,
  { app, command, by, number, title, hosts, from, to }: Beginning,
  told: HookTold,
  backends: readonly string[],
): Record<string, string> {
  const { batch, exit, failedHost } = told;
  const values: Readonly<Record<string, string | undefined>> = {
    HOOK: hook,
    APP: app,
    COMMAND: command,
    BY: by,
    NUMBER: String(number),
    TITLE: title,
    FROM: from ?? undefined,
    TO: to,
    HOSTS: (batch?.hosts ?? hosts.filter((host) => backends.includes(host))).join(' '),
    BATCH: batch === undefined ? undefined : String(batch.number),
    BATCHES: batch === undefined ? undefined : String(batch.of),
    EXIT: exit === undefined ? undefined : String(exit),
    FAILED_HOST: failedHost,
  };
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) =>
      // No process can be given a NUL.
      value === undefined ? [] : [[`ORCHESTRATE_${key}`, value.replaceAll('\0', '')]],
    ),
  );
}
