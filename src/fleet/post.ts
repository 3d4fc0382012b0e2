import type { Dispatcher } from 'undici';

export interface Message {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Milliseconds for connecting and for the whole answer. */
  readonly timeout: number;
  /** Ends it before that. */
  readonly stop: AbortSignal;
}

export type PostAnswer =
  | { readonly kind: 'taken' }
  /** `again`: it may go better another time. `reason` never holds the address: it may be a secret. */
  | { readonly kind: 'not taken'; readonly reason: string; readonly again: boolean };

/** One POST, never followed, by the proxy of the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY) where there is one. Does not reject. */
export type Post = (message: Message) => Promise<PostAnswer>;

/** Loaded when it is needed: a command without webhooks does not pay for it. */
export function openPost(): { readonly post: Post; readonly close: () => Promise<void> } {
  let made: Promise<{ http: Dispatcher }> | undefined;
  const http = async (): Promise<{ http: Dispatcher }> => {
    const { EnvHttpProxyAgent } = await import('undici');
    return { http: new EnvHttpProxyAgent() };
  };
  return {
    post: async (message) => {
      try {
        made ??= http();
        const loaded = await made;
        const signal = AbortSignal.any([AbortSignal.timeout(message.timeout), message.stop]);
        return await send(loaded.http, message, signal);
      } catch (error) {
        return { kind: 'not taken', reason: inWords(error, message), again: !message.stop.aborted };
      }
    },
    close: async () => (await made)?.http.destroy(),
  };
}

async function send(http: Dispatcher, message: Message, signal: AbortSignal): Promise<PostAnswer> {
  const { origin, pathname, search } = new URL(message.url);
  const { headers, body } = message;
  const answer = await http.request({ origin, path: pathname + search, method: 'POST', headers, body, signal });
  await answer.body.dump({ limit: 65_536, signal }).catch(() => {});
  const { statusCode: status } = answer;
  if (status >= 200 && status < 300) return { kind: 'taken' };
  return {
    kind: 'not taken',
    reason: `it answered ${status}`,
    again: status >= 500 || status === 429 || status === 408,
  };
}

function inWords(error: unknown, { timeout }: Message): string {
  if (!(error instanceof Error)) return 'it could not be sent';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (error.name === 'TimeoutError' || code?.endsWith('_TIMEOUT') === true)
    return `no answer within ${timeout / 1000} s`;
  if (error.name === 'AbortError') return 'no answer yet';
  if (code === 'ECONNREFUSED') return 'nothing listens there';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'its name is not known';
  if (code === 'ECONNRESET' || code === 'EPIPE' || code === 'UND_ERR_SOCKET')
    return 'it closed the connection without an answer';
  return code ?? error.name;
}
