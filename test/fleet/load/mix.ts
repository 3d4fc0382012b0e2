/** The kinds of request that users send. */
export type Kind = 'page' | 'static' | 'slow' | 'order' | 'upload';

export interface Mix {
  /** Requests a second, all targets together; they start on schedule whatever the answers. */
  readonly rate: number;
  /** Kept-alive connections, all targets together, used at random: at this rate most are idle at any moment. */
  readonly connections: number;
  /** Shares of the rate. A stylesheet is asked for only after a page has named it: keep `static` below `page`. */
  readonly shares: Readonly<Record<Kind, number>>;
  /** How long a slow request works: milliseconds, least and most. */
  readonly slow: readonly [number, number];
  /** Bytes of an upload's body, least and most. */
  readonly uploadBytes: readonly [number, number];
  /** Milliseconds over which an upload's body is sent, least and most. */
  readonly uploadTakes: readonly [number, number];
  /** Half of the stylesheets are fetched at once, the others up to so many milliseconds after their page. */
  readonly fetchWithin: number;
  /** Milliseconds without a whole answer after which a request is lost; slow requests and uploads have their own time on top. */
  readonly timeout: number;
  /** Milliseconds that clients are away, each way. */
  readonly delay: number;
}

/**
 * The load of the tests, the demo and the bench. It stands here once and is not changed to reach a figure: 160
 * requests a second are what two cores carry beside twenty hosts, and few enough that a roll's losses are the roll's.
 */
export const mix: Mix = {
  rate: 160,
  connections: 120,
  shares: { page: 0.62, static: 0.15, slow: 0.05, order: 0.16, upload: 0.02 },
  slow: [200, 800],
  uploadBytes: [32 * 1024, 192 * 1024],
  uploadTakes: [1000, 3000],
  fetchWithin: 5000,
  timeout: 10_000,
  delay: 20,
};
