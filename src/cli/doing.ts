import type { Command } from 'commander';
import type { Order } from '../core/api/order.ts';
import { Refusal } from '../core/failure.ts';
import type { ServerFlags } from './server.ts';

/** How a service elsewhere does a command, where one is named; `here`: it has nothing to do with one, or finds it by itself. */
export type There =
  | 'here'
  | 'not there'
  | ((server: typeof import('./server.ts'), flags: ServerFlags, ...args: unknown[]) => Promise<number>);

/** Makes commander's action of a command; its exit code is put where `end` says. */
export type Does = (
  load: () => Promise<(...args: never[]) => Promise<number>>,
  there?: There,
) => (...args: unknown[]) => Promise<void>;

/** A command's module is loaded when it is run: `--help` stays fast. */
export const doing =
  (end: { code: number }): Does =>
  (load, there = 'not there') =>
  async (...args) => {
    // commander gives the arguments, the command's own options, and the command; which types they have stands in its declaration.
    // oxlint-disable typescript/no-unsafe-type-assertion
    const command = args.at(-1) as Command;
    const given = args.slice(0, -2);
    const flags = command.optsWithGlobals<ServerFlags>();
    if (there !== 'here' && isNamed(flags)) {
      const server = await import('./server.ts');
      server.serverOf(flags);
      if (there === 'not there')
        throw new Refusal(
          2,
          `\`${textOf(command)}\` looks at the hosts from where it is typed; a service does not do it.`,
          'Leave --server and ORCHESTRATE_SERVER away, where the inventory and the keys are.',
        );
      end.code = await there(server, flags, ...given);
      return;
    }
    const run = await load();
    end.code = await run(...([...given, flags] as never[]));
    // oxlint-enable typescript/no-unsafe-type-assertion
  };

/** The service is ordered to do it. `more`: what the command's arguments say. */
export const orders =
  (verb: Order['verb'], more: (...args: unknown[]) => object = () => ({})): There =>
  (server, flags, ...args) =>
    server.orderThere(server.orderFrom(verb, flags, more(...args)), flags);

/** The service looks. */
export const reads =
  (what: 'status' | 'history' | 'windows' | 'releases'): There =>
  (server, flags) =>
    server.readThere(what, flags);

const isNamed = ({ server }: ServerFlags): boolean => (server ?? process.env['ORCHESTRATE_SERVER'] ?? '') !== '';

/** `canary status`, without the program's own name. */
const textOf = (command: Command): string =>
  command.parent === null ? '' : `${textOf(command.parent)} ${command.name()}`.trim();
