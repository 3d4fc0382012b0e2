import type { Judgement } from './plan.ts';
import { judgeMigrations, type Judged } from './migrations.ts';

/** What a script printed, judged beyond its exit code. Pure. */
export function judge(judgement: Judgement, stdout: string): Judged {
  return judgeMigrations(stdout, { allow: judgement.allow, named: judgement.named });
}
