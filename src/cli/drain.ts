import { runChange, type ChangingFlags } from './listening.ts';
import { drainChange } from '../verbs/drain.ts';

/** `orchestrate drain HOST…` */
export const drain = (hosts: readonly string[], flags: ChangingFlags & { readonly reason?: string }): Promise<number> =>
  runChange(flags, (opened) => drainChange(opened, hosts, flags.reason));
