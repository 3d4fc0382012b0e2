import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../fleet/hosts/shell.ts';
import type { Begun } from './operator.ts';
import type { Scene } from './scene.ts';

export interface Met extends Begun {
  /** Lets it go on. */
  go(): Promise<void>;
}

/** Starts a command on another machine and resolves when it stands still at a moment (see at-call.ts); rejects when it ends before. */
export async function meet(scene: Scene, moment: string, ...args: string[]): Promise<Met> {
  const hold = join(scene.fleet.state, 'held');
  const begun = await scene.elsewhere(args, { at: moment, deed: `hold ${hold}` });
  await Promise.race([until(moment, 240_000, () => existsSync(hold)), begun.ended]);
  if (existsSync(hold)) return { ...begun, go: () => rm(hold) };
  const { code, stdout, stderr } = await begun.ended;
  throw new Error(`${moment} was not met: exit ${code}\n${stdout}${stderr}`);
}
