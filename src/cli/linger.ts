import { runChange, type ChangingFlags } from './listening.ts';
import { lingerStopChange } from '../verbs/linger.ts';
import type { LimitFlags } from '../verbs/named.ts';

/** `orchestrate linger stop` */
export const linger = (_action: 'stop', flags: ChangingFlags & LimitFlags): Promise<number> =>
  runChange(flags, (opened) => lingerStopChange(opened, flags));
