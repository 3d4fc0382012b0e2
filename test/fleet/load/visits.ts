import { createHash, randomBytes } from 'node:crypto';
import type { Ask } from './door.ts';
import type { Kind, Mix } from './mix.ts';
import { between, type Random } from './random.ts';

interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What an answer was found to be. */
export interface Finding {
  /** What is wrong with it, a sentence; null when it is right. */
  readonly wrong: string | null;
  /** Which release gave it, where it says so. */
  readonly release?: string;
  /** The stylesheet that the page named: its path. */
  readonly stylesheet?: string;
}

/** One request and what its answer must be. */
export interface Visit {
  readonly kind: Kind;
  readonly ask: Ask;
  /** The order's id. */
  readonly order?: string;
  /** Looks at an answer with the status that was wanted. */
  readonly status: number;
  readonly check: (answer: Answered) => Finding;
}

const payload = randomBytes(1 << 20);

/** Makes the requests: what each asks for, and how its answer is checked. `number` is different for each. */
export class Visits {
  readonly #mix: Mix;
  readonly #releases: Readonly<Record<string, string>>;
  readonly #run: string;
  readonly #random: Random;

  /** `releases`: each release that may answer, with the path under /static/ of its stylesheet. `run`: what the ids of its orders begin with. */
  constructor(mix: Mix, releases: Readonly<Record<string, string>>, run: string, random: Random) {
    this.#mix = mix;
    this.#releases = releases;
    this.#run = run;
    this.#random = random;
  }

  make(kind: Exclude<Kind, 'static'>, number: number): Visit {
    if (kind === 'page') return this.#page(number);
    if (kind === 'slow') return this.#slow(between(this.#random, this.#mix.slow));
    if (kind === 'order') return this.#order(`${this.#run}-${number}`);
    return this.#upload();
  }

  /** Asks for what a page of `release` named; its content must be that which the hash in its name stands for. */
  stylesheet(path: string): Visit {
    const check = ({ body }: Answered): Finding => {
      const named = /\.([0-9a-f]{12})\.css$/.exec(path)?.[1];
      const found = createHash('md5').update(body).digest('hex').slice(0, 12);
      return { wrong: named === found ? null : `${body.length} bytes with the digest ${found} under the name ${path}` };
    };
    return { kind: 'static', ask: this.#ask({ path }), status: 200, check };
  }

  #page(number: number): Visit {
    const check = (answer: Answered): Finding => {
      const release = answer.headers['x-release'] ?? '';
      const expected = this.#releases[release];
      if (expected === undefined)
        return { wrong: `a page of the release ${JSON.stringify(release)}, which nobody rolled` };
      const text = answer.body.toString();
      if (!text.includes(`Release ${release}, visit ${number}.`))
        return { wrong: `not the page of ${release} that was asked for: ${start(text)}`, release };
      const stylesheet = /<link rel="stylesheet" href="([^"]+)">/.exec(text)?.[1];
      if (stylesheet === `/static/${expected}`) return { wrong: null, release, stylesheet };
      return { wrong: `a page of ${release} that names ${stylesheet} and not ${expected}`, release };
    };
    return { kind: 'page', ask: this.#ask({ path: `/?visit=${number}` }), status: 200, check };
  }

  #slow(ms: number): Visit {
    const wanted = `slept ${ms} ms\n`;
    const ask = this.#ask({ path: `/slow?ms=${ms}`, extra: ms });
    return { kind: 'slow', ask, status: 200, check: (answer) => this.#exactly(answer, wanted) };
  }

  #order(id: string): Visit {
    const body = Buffer.from(JSON.stringify({ id }));
    const ask = this.#ask({ path: '/orders', body, type: 'application/json' });
    return {
      kind: 'order',
      ask,
      order: id,
      status: 201,
      check: (answer) => this.#exactly(answer, JSON.stringify({ id })),
    };
  }

  #upload(): Visit {
    const length = between(this.#random, this.#mix.uploadBytes);
    const from = between(this.#random, [0, payload.length - length]);
    const body = payload.subarray(from, from + length);
    const takes = between(this.#random, this.#mix.uploadTakes);
    const sha256 = createHash('sha256').update(body).digest('hex');
    const ask = this.#ask({ path: '/uploads', body, type: 'application/octet-stream', takes });
    return {
      kind: 'upload',
      ask,
      status: 200,
      check: (answer) => this.#exactly(answer, JSON.stringify({ length, sha256 })),
    };
  }

  #exactly({ headers, body }: Answered, wanted: string): Finding {
    const release = headers['x-release'] ?? '';
    if (!(release in this.#releases))
      return { wrong: `an answer of the release ${JSON.stringify(release)}, which nobody rolled` };
    // Python's json puts a space after colon and comma.
    const text = body.toString().replaceAll(/([:,]) /g, '$1');
    return { wrong: text === wanted ? null : `${start(text)} in place of ${start(wanted)}`, release };
  }

  #ask(wish: { path: string; body?: Buffer; type?: string; takes?: number; extra?: number }): Ask {
    const { path, body, type, takes, extra = 0 } = wish;
    return {
      method: body === undefined ? 'GET' : 'POST',
      path,
      headers: { 'User-Agent': 'shop-load', ...(type !== undefined && { 'Content-Type': type }) },
      ...(body !== undefined && { body }),
      ...(takes !== undefined && { bodyTakes: takes }),
      timeout: this.#mix.timeout + extra + (takes ?? 0),
    };
  }
}

/** The start of an answer, for a message. */
export function start(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
