import { readingOf, type Reading, type Verdict } from '../core/verdict/reading.ts';
import { linesOf } from '../fleet/lines.ts';
import { verdictLines } from '../tell/verdict.ts';
import { judgeRecorded } from '../verbs/verdict.ts';

interface VerdictFlags {
  readonly windows: string;
  readonly json?: boolean;
  readonly restarts?: boolean;
  readonly falseAlarms: number;
  readonly maxErrorRate: number;
}

const EXIT: Readonly<Record<Verdict, number>> = { PASS: 0, FAIL: 1, UNDECIDED: 5, 'NO-DATA': 6 };

/** `orchestrate verdict`: the exit code is the verdict after the last window. */
export async function verdict({ windows, json, restarts, ...bounds }: VerdictFlags): Promise<number> {
  const told: string[] = [];
  const rules = { falseAlarms: bounds.falseAlarms, maxErrorRate: bounds.maxErrorRate, restarts: restarts === true };
  const file = windows === '-' ? 'standard input' : windows;
  const end = await judgeRecorded(linesOf(windows), file, rules, ({ judge }) => {
    if (json === true) told.push(`${lineOf(readingOf(judge))}\n`);
  });
  const reading = readingOf(end.judge);
  process.stdout.write(json === true ? told.join('') : `${verdictLines(reading, end).join('\n')}\n`);
  return EXIT[reading.verdict];
}

const lineOf = ({ lnE, lnTogether, lnPass, verdict: reached }: Reading): string =>
  JSON.stringify({
    ln_e_errors: lnE.errors,
    ln_e_tail: lnE.tail,
    ln_e_rank: lnE.rank,
    ln_e: lnTogether,
    ln_pass: lnPass,
    verdict: reached,
  });
