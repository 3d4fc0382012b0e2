import type { StepContext } from './context.ts';

/** Lets milliseconds pass, fewer where a person asks to stop meanwhile: the phase after is not begun then. */
export async function restFor(ms: number, { clock, stop }: StepContext): Promise<void> {
  if (stop.aborted) return;
  try {
    await clock.sleep(ms, stop);
  } catch (error) {
    if (!stop.aborted) throw error;
  }
}
