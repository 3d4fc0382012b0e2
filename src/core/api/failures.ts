/** Failed logins of one address within `SPAN`, from which on it is answered 429. */
const MOST = 10;
/** Milliseconds. */
const SPAN = 60_000;
/** Addresses that are remembered; the oldest is forgotten first. */
const ADDRESSES = 10_000;

/**
 * Counts failed logins by address. A right token is taken from any address, whatever it failed before: nobody guesses 256 bits, and one
 * forgotten program behind a shared address must not lock its neighbours out. What is bounded is the noise and the work.
 */
export class LoginFailures {
  readonly #seen = new Map<string, { since: number; count: number }>();

  /** Counts one, at `now` (milliseconds). Returns the seconds after which to try again, where there were too many. */
  failed(address: string, now: number): number | undefined {
    const key = network(address);
    const before = this.#seen.get(key);
    const seen = before === undefined || now - before.since >= SPAN ? { since: now, count: 0 } : before;
    seen.count += 1;
    this.#seen.delete(key);
    this.#seen.set(key, seen);
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > ADDRESSES && oldest !== undefined) this.#seen.delete(oldest);
    return seen.count > MOST ? Math.ceil((seen.since + SPAN - now) / 1000) : undefined;
  }

  get size(): number {
    return this.#seen.size;
  }
}

/** An IPv6 address by its /64: whoever has one has 2^64. */
function network(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  if (!plain.includes(':')) return plain;
  const [front = '', back] = plain.split('::');
  const head = front.split(':').filter(Boolean);
  if (back === undefined) return head.slice(0, 4).join(':');
  const tail = back.split(':').filter(Boolean);
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0');
  return [...head, ...zeros, ...tail].slice(0, 4).join(':');
}
