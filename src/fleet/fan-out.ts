import { Readable, Writable } from 'node:stream';

/**
 * One stream into many, each byte to each of them, at the pace of the slowest (nothing is kept but what is on its way).
 * A receiver that fails or closes drops out and holds up nobody; when none is left the input fails. When the input breaks off,
 * every receiver gets its error: none can take what it has for the whole.
 */
export function fanOut(count: number): { input: Writable; outputs: Readable[] } {
  /** Receivers still there, with who waits for their buffer to have room. */
  const waiting = new Map<Readable, (() => void) | undefined>();
  const go = (output: Readable): void => {
    const next = waiting.get(output);
    if (next === undefined) return;
    waiting.set(output, undefined);
    next();
  };
  const outputs = Array.from({ length: count }, () => {
    const output: Readable = new Readable({
      read: () => go(output),
      destroy: (error, done) => {
        const next = waiting.get(output);
        waiting.delete(output);
        next?.();
        done(error);
      },
    });
    // A receiver's failure is told by what reads it; here it only drops out.
    output.on('error', () => {});
    waiting.set(output, undefined);
    return output;
  });
  const input = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (waiting.size === 0) {
        done(new Error('every receiver has failed'));
        return;
      }
      let full = 1;
      const one = (): void => {
        full -= 1;
        if (full === 0) done();
      };
      for (const output of waiting.keys()) {
        if (output.push(chunk)) continue;
        full += 1;
        waiting.set(output, one);
      }
      one();
    },
    final: (done) => {
      for (const output of waiting.keys()) output.push(null);
      done();
    },
    destroy: (error, done) => {
      if (error !== null || !input.writableFinished) {
        const reason = error ?? new Error('the stream broke off');
        for (const output of waiting.keys()) output.destroy(reason);
      }
      done(error);
    },
  });
  return { input, outputs };
}
