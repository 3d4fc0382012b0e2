import { runChange, type ChangingFlags } from './listening.ts';
import { enableChange } from '../verbs/enable.ts';

/** `orchestrate enable HOST…` */
export const enable = (hosts: readonly string[], flags: ChangingFlags): Promise<number> =>
  runChange(flags, (opened) => enableChange(opened, hosts));
