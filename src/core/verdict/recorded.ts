import { BINS, binOf } from './bins.ts';
import { nearest } from '../inventory/nearest.ts';
import { printable } from '../printable.ts';

/** One line of a file of recorded windows. */
export interface Recorded {
  /** Seconds. */
  readonly t: number;
  /** The canary's share of the users, above 0 and below 1; absent where users were not split. */
  readonly share?: number;
  /** Milliseconds; on the first line only. */
  readonly t99?: number;
  readonly canary: RecordedArm;
  readonly baseline: RecordedArm;
}

export interface RecordedArm {
  readonly requests: number;
  readonly errors: number;
  readonly errorsAll: number;
  /** Bins with counts, in the order of the file. */
  readonly times: readonly (readonly [bin: number, count: number])[];
}

/** What a line should have been. */
class Expected extends Error {}

/**
 * Reads one line, or says what is wrong with it: where in it, and what was expected there.
 * @param first whether it is the file's first
 */
export function readRecorded(line: string, first: boolean): Recorded | { readonly problem: string } {
  try {
    const value: unknown = JSON.parse(line);
    const found = objectOf('', value, ['t', 'share', 't99_ms', 'canary', 'baseline']);
    if (!first && 't99_ms' in found) throw new Expected('t99_ms: stands on the first line only');
    return {
      t: number('t', found['t'], 'a number of seconds', (t) => Math.abs(t) <= 1e12),
      ...('share' in found
        ? { share: number('share', found['share'], 'a number above 0 and below 1', (it) => it > 0 && it < 1) }
        : {}),
      ...('t99_ms' in found
        ? { t99: number('t99_ms', found['t99_ms'], 'a number of milliseconds above 0', (it) => it > 0) }
        : {}),
      canary: armOf('canary', found['canary']),
      baseline: armOf('baseline', found['baseline']),
    };
  } catch (error) {
    if (error instanceof Expected) return { problem: error.message };
    if (error instanceof SyntaxError)
      return { problem: `a JSON object was expected: ${printable(error.message).slice(0, 200)}` };
    throw error;
  }
}

function armOf(at: string, value: unknown): RecordedArm {
  const found = objectOf(at, value, ['n', 'errors', 'errors_all', 'times', 'ms']);
  const requests = count(`${at}.n`, found['n']);
  const errors = count(`${at}.errors`, found['errors']);
  const errorsAll = 'errors_all' in found ? count(`${at}.errors_all`, found['errors_all']) : errors;
  if (errors > errorsAll)
    throw new Expected(`${at}.errors_all: at least errors (${errors}) was expected, not ${errorsAll}`);
  if (errorsAll > requests) throw new Expected(`${at}: at most n (${requests}) errors were expected, not ${errorsAll}`);
  if ('times' in found && 'ms' in found) throw new Expected(`${at}: times or ms was expected, not both`);
  const times = 'ms' in found ? rawTimes(`${at}.ms`, found['ms']) : binnedTimes(`${at}.times`, found['times'] ?? []);
  const timed = times.reduce((sum, [, many]) => sum + many, 0);
  if (timed > requests) throw new Expected(`${at}: at most n (${requests}) times were expected, not ${timed}`);
  return { requests, errors, errorsAll, times };
}

const rawTimes = (at: string, value: unknown): RecordedArm['times'] =>
  listOf(at, value, 'times in milliseconds').map((ms, index) => [
    binOf(number(`${at}[${index}]`, ms, 'a time in milliseconds, 0 or more', (it) => it >= 0)),
    1,
  ]);

const binnedTimes = (at: string, value: unknown): RecordedArm['times'] =>
  listOf(at, value, '[bin, count] pairs').map((pair, index) => {
    const where = `${at}[${index}]`;
    const [bin, many, more] = listOf(where, pair, 'a bin and a count');
    if (more !== undefined) throw new Expected(`${where}: a bin and a count were expected, no more`);
    const isBin = (it: number): boolean => Number.isInteger(it) && it >= 0 && it < BINS;
    return [number(`${where}[0]`, bin, `a bin from 0 to ${BINS - 1}`, isBin), count(`${where}[1]`, many)];
  });

const count = (at: string, value: unknown): number =>
  number(at, value, 'a whole number, 0 or more', (it) => Number.isInteger(it) && it >= 0 && it <= 1e12);

function number(at: string, value: unknown, what: string, fits: (it: number) => boolean): number {
  if (typeof value === 'number' && Number.isFinite(value) && fits(value)) return value;
  throw new Expected(`${at}: ${what} was expected, not ${shown(value)}`);
}

function listOf(at: string, value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new Expected(`${at}: a list of ${what} was expected, not ${shown(value)}`);
}

function objectOf(at: string, value: unknown, keys: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Expected(
      `${at === '' ? '' : `${at}: `}an object with ${keys.join(', ')} was expected, not ${shown(value)}`,
    );
  const found = { ...value };
  const strange = Object.keys(found).find((key) => !keys.includes(key));
  if (strange === undefined) return found;
  const meant = nearest(strange, keys);
  throw new Expected(
    `${at === '' ? '' : `${at}.`}${printable(strange).slice(0, 60)}: one of ${keys.join(', ')} was expected${meant === undefined ? '' : `; did you mean ${meant}?`}`,
  );
}

const shown = (value: unknown): string =>
  value === undefined ? 'nothing' : printable(JSON.stringify(value)).slice(0, 60);
