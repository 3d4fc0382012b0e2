import type { ServerResponse } from 'node:http';
import { Refusal } from '../../core/failure.ts';
import { NotFound } from '../service.ts';

/** An answer that is not 200. */
export class Problem extends Error {
  readonly status: number;
  readonly refusal: Refusal;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, refusal: Refusal, headers: Readonly<Record<string, string>> = {}) {
    super(refusal.message);
    this.status = status;
    this.refusal = refusal;
    this.headers = headers;
  }
}

/** The answer to a request that something is wrong with: what a `Problem` says, or what the kind of error means. */
export function answerProblem(response: ServerResponse, error: unknown): void {
  const problem =
    error instanceof Problem
      ? error
      : new Problem(statusOf(error), error instanceof Refusal ? error : faultText(error));
  const { exit, message, next, details } = problem.refusal;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  send(response, problem.status, JSON.stringify({ error: { exit, message, next, details } }), problem.headers);
}

function statusOf(error: unknown): number {
  if (error instanceof NotFound) return 404;
  if (!(error instanceof Refusal)) return 500;
  return error.exit === 2 ? 422 : 409;
}

/** A fault of the service's own: its words stay in its log. */
function faultText(error: unknown): Refusal {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return new Refusal(1, 'The service has a fault; its log tells more.', 'Look at the log of the service.');
}

export function send(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(text)),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(text);
}
