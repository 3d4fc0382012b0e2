import { runChange, type ChangingFlags } from './listening.ts';
import { rollbackChange, type RollbackFlags } from '../verbs/rollback.ts';

/** `orchestrate rollback [RELEASE]` */
export const rollback = (release: string | undefined, flags: ChangingFlags & RollbackFlags): Promise<number> =>
  runChange(flags, (opened) => rollbackChange(opened, release, flags));
