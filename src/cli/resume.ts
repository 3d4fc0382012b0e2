import { runChange, type ChangingFlags } from './listening.ts';
import { resumeChange } from '../verbs/resume.ts';

/** `orchestrate resume` */
export const resume = (flags: ChangingFlags): Promise<number> =>
  runChange(flags, async (opened) => {
    const { change, seen } = await resumeChange(opened);
    return { change, seen };
  });
