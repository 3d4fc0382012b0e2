import type { Readable, Writable } from 'node:stream';

/**
 * Feeds a command's standard input, at the pace at which it is read there, and ends it. Where `input` breaks off, `broken` is called in
 * place of the end, so that nothing there can take the beginning for the whole. Returns how to stop (an unread rest is destroyed), and
 * whether all of it was handed over.
 */
export function feed(
  input: string | Uint8Array | Readable | undefined,
  to: Writable,
  broken: (reason: string) => void,
): Feed {
  const whole = (): boolean => to.writableFinished;
  if (input === undefined || typeof input === 'string' || input instanceof Uint8Array) {
    to.end(input);
    return { whole, stop: () => {} };
  }
  let ended = false;
  const more = (): void => void input.resume();
  const onData = (chunk: Buffer): void => {
    // Where nobody takes it any more it must not flow on: a source that never waits would let nothing else be done, not even its end.
    if (to.writableEnded || to.destroyed || !to.write(chunk)) input.pause();
  };
  const onEnd = (): void => {
    ended = true;
    to.end();
  };
  const onError = (error: Error): void => broken(error.message);
  const onClose = (): void => {
    if (!ended) broken('closed before its end');
  };
  const stop = (): void => {
    to.off('drain', more);
    input.off('data', onData).off('end', onEnd).off('close', onClose);
    // An error that comes later is of no concern any more, and must not end the program.
    if (!ended) input.destroy();
  };
  to.on('drain', more);
  input.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
  if (input.destroyed && !input.readableEnded) broken(input.errored?.message ?? 'closed before its end');
  return { whole, stop };
}

export interface Feed {
  readonly whole: () => boolean;
  readonly stop: () => void;
}
