import type { Failure } from '../core/failure.ts';
import { ConnectError } from '../fleet/ports.ts';

/** The failure of a host that could not be reached. Throws on what is no such thing. */
export function connectFailure(error: unknown, doing: string): Failure {
  if (!(error instanceof ConnectError)) throw error;
  return { host: error.host, doing, what: error.message, output: [], next: error.remedy };
}
