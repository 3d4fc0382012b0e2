import { InvalidArgumentError } from 'commander';
import { nearest } from '../core/inventory/nearest.ts';
import { durationOrNone } from '../core/inventory/values.ts';

/** What the values of options may be. Each throws `InvalidArgumentError`, which says what was expected. */

/** A number of things. */
export function whole(text: string): number {
  if (/^[1-9][0-9]{0,14}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a whole number, such as 12');
}

/** A length of time, in milliseconds; 0s is none. */
export function lasting(text: string): number {
  const read = durationOrNone.safeParse(text);
  if (read.success) return read.data;
  throw new InvalidArgumentError(read.error.issues[0]?.message ?? 'a time, such as 10m');
}

const HOUR = 3_600_000;

/** For how long a token is good, in milliseconds: hours or days, ten years at the most. */
export function lifetime(text: string): number {
  const [, amount = '', unit] = /^([1-9][0-9]{0,4})([hd])$/.exec(text) ?? [];
  const found = Number(amount) * (unit === 'd' ? 24 : 1) * HOUR;
  if (found > 0 && found <= 3660 * 24 * HOUR) return found;
  throw new InvalidArgumentError('hours or days, ten years at the most, such as 12h or 90d');
}

/** A share, 1% as 0.01. */
export function share(text: string): number {
  const percent = /^([0-9]{1,2}(?:\.[0-9]{1,4})?)%$/.exec(text)?.[1];
  if (Number(percent) > 0) return Number(percent) / 100;
  throw new InvalidArgumentError('a share above 0% and below 100%, such as 1% or 0.5%');
}

/** The sizes of batches. */
export function batch(text: string): (number | `${number}%`)[] {
  return text.split(',').map((part) => {
    const size = part.trim();
    if (/^[1-9][0-9]{0,4}$/.test(size)) return Number(size);
    if (/^([1-9][0-9]?|100)%$/.test(size)) return `${Number(size.slice(0, -1))}%` as const;
    throw new InvalidArgumentError(
      'a batch is a number of hosts (1) or a share of them (25%), or several of these: 1,10%,50%',
    );
  });
}

const SHARE = 'a share of the users in whole percent, 1% to 99%, such as 10%';
const CANARY = ['status', 'watch', 'share', 'pause', 'continue', 'promote', 'abort', 'report'];

/** A canary's share, of a hundred. What begins with a letter was meant as a subcommand. */
export function canaryShare(text: string): number {
  const percent = /^([1-9][0-9]?)%$/.exec(text)?.[1];
  if (percent !== undefined) return Number(percent);
  if (!/^[a-z]/i.test(text)) throw new InvalidArgumentError(SHARE);
  const meant = nearest(text, CANARY);
  throw new InvalidArgumentError(
    `it is neither ${SHARE}, nor one of ${CANARY.join(', ')}${meant === undefined ? '' : ` (did you mean ${meant}?)`}`,
  );
}

/** Shares that grow. */
export function shares(text: string): number[] {
  const read = text.split(',').map((part) => canaryShare(part.trim()));
  if (read.every((each, at) => at === 0 || each > (read[at - 1] ?? 0))) return read;
  throw new InvalidArgumentError('shares that grow, such as 1%,10%,50%');
}
