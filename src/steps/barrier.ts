import type { Outcome } from '../core/outcome.ts';
import { printable } from '../core/failure.ts';
import type { StepContext } from './context.ts';

/** Seconds that a script may run on after its link was cut. */
const ORPHAN = 150;

/**
 * Raises the fence of one host, given as FOLDER TOKEN SEQUENCE HOLDER. When it has ended well, nothing that was begun under that fence
 * before is at work any more, and none of it comes. That it waits for something is told. Rejects as `Remote.run` does.
 */
export function barrier(
  { remote, script, emit }: Pick<StepContext, 'remote' | 'script' | 'emit'>,
  host: string,
  fence: readonly string[],
): Promise<Outcome> {
  return remote.run({
    host,
    name: 'orchestrate-fence',
    text: script('fence'),
    args: [...fence, String(ORPHAN)],
    deadline: (ORPHAN + 30) * 1000,
    onLine: (line) => emit({ type: 'note', text: `${host}: ${printable(line)}` }),
  });
}
