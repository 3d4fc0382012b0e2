import type { Duplex } from 'node:stream';
import type { Outcome } from '../../src/core/outcome.ts';
import type { Remote, RemoteCall } from '../../src/fleet/ports.ts';

export interface FakeRemote extends Remote {
  /** Every call so far, in order. */
  readonly calls: RemoteCall[];
}

/** Hosts that answer as the test says: an outcome, or an error thrown (a `ConnectError` where no command was sent). */
export function fakeRemote(
  answer: (call: RemoteCall) => Outcome | Promise<Outcome>,
  tunnel: Remote['tunnel'] = (): Promise<Duplex> => Promise.reject(new Error('no tunnel in this test')),
): FakeRemote {
  const calls: RemoteCall[] = [];
  return {
    calls,
    run: async (call) => {
      calls.push(call);
      const outcome = await answer(call);
      for (const line of outcome.stderr.split('\n').filter(Boolean)) call.onLine?.(line);
      if (call.output === undefined) return outcome;
      call.output.end(outcome.stdout);
      return { ...outcome, stdout: '' };
    },
    tunnel,
    disconnect: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

export const exited = (stdout = '', code = 0, stderr = ''): Outcome => ({ kind: 'exited', code, stdout, stderr });

export const lost = (reason = 'the connection was closed'): Outcome => ({
  kind: 'lost',
  reason,
  stdout: '',
  stderr: '',
});

/** Cut from this side: one of the call's own streams broke. */
export const brokenHere = (reason: string): Outcome => ({ kind: 'lost', reason, here: true, stdout: '', stderr: '' });
