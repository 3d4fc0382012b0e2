import type { ChangingFlags } from './listening.ts';
import type { RollFlags } from '../verbs/roll.ts';
import { roll } from './roll.ts';

/** `orchestrate plan`: a roll that is only shown. */
export const plan = (flags: ChangingFlags & RollFlags): Promise<number> => roll({ ...flags, dryRun: true });
