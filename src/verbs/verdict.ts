import { Refusal } from '../core/failure.ts';
import { clean } from '../core/printable.ts';
import { offline, withRecorded, type Offline } from '../core/verdict/offline.ts';
import { readRecorded } from '../core/verdict/recorded.ts';

/** So many problems are told; a file of another kind has one a line. */
const TOLD = 20;

/**
 * Judges recorded windows, one a line; empty lines are none.
 * @param file what the lines are called in messages
 * @param each is called after each window
 * @returns all of it judged. Rejects with `Refusal` (exit 2) when a line is no window, naming each with what was expected
 */
export async function judgeRecorded(
  lines: AsyncIterable<string>,
  file: string,
  rules: Parameters<typeof offline>[0],
  each: (now: Offline) => void,
): Promise<Offline> {
  const problems: string[] = [];
  let now = offline(rules);
  let number = 0;
  let first = true;
  let last = Number.NEGATIVE_INFINITY;
  for await (const line of lines) {
    number += 1;
    if (line.trim() === '') continue;
    const read = readRecorded(line, first);
    first = false;
    if ('problem' in read) problems.push(`${file}:${number}: ${read.problem}`);
    else if (read.t < last)
      problems.push(`${file}:${number}: t: at least that of the line before (${last}) was expected, not ${read.t}`);
    else if (problems.length === 0) {
      last = read.t;
      now = withRecorded(now, read);
      each(now);
    }
    if (problems.length === TOLD) break;
  }
  if (problems.length === 0) return now;
  throw new Refusal(
    2,
    clean(`${file} is no file of recorded windows:`),
    'docs/verdict.md has the format: one JSON object a line, {"t":0,"canary":{"n":10,"errors":0},"baseline":{"n":90,"errors":0}}.',
    problems.map(clean),
  );
}
