import { runChange, type ChangingFlags } from './listening.ts';
import { pruneChange } from '../verbs/prune.ts';

/** `orchestrate prune` */
export const prune = (flags: ChangingFlags): Promise<number> => runChange(flags, (opened) => pruneChange(opened));
