import { runChange, type ChangingFlags } from './listening.ts';
import type { NowFlags } from '../verbs/guarded.ts';
import { resumeChange } from '../verbs/resume.ts';

/** `orchestrate resume` */
export const resume = (flags: ChangingFlags & NowFlags): Promise<number> =>
  runChange(flags, async (opened) => {
    const { change, seen } = await resumeChange(opened, flags);
    return { change, seen };
  });
