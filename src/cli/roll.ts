import { runChange, type ChangingFlags } from './listening.ts';
import { rollChange, type RollFlags } from '../verbs/roll.ts';

/** `orchestrate roll` */
export const roll = (flags: ChangingFlags & RollFlags): Promise<number> =>
  runChange(flags, (opened) => rollChange(opened, flags));
