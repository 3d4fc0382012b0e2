import { parseSyntax, type Directive } from './syntax.ts';

export interface ParsedServer {
  /** As Nginx writes it: `10.0.0.11:8000`. */
  readonly address: string;
  /** What follows the address, `down` included, in the order of the text. */
  readonly parameters: readonly string[];
}

export interface ParsedConfiguration {
  /** By name, the servers in the order of the text. */
  readonly upstreams: ReadonlyMap<string, readonly ParsedServer[]>;
  /** By the variable that is set (`$shop_upstream`), keys to values, `default` included. */
  readonly maps: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** What the status server of this text tells of itself, by app; null where it does not say. */
  readonly digest: string | null;
}

type Read = ParsedConfiguration | { readonly problem: string };

/** The texts read last: all balancers mostly have the same one, of a megabyte or more on a large fleet, and it is asked about at each look. */
const latest: { readonly text: string; readonly read: Read }[] = [];

/**
 * Reads back what a configuration declares. It may be any text that a host printed.
 * @returns the parts that matter to the routing, or a sentence about why it can't be read
 */
export function parseConfiguration(text: string): Read {
  const known = latest.find((each) => each.text === text);
  if (known !== undefined) return known.read;
  const read = readText(text);
  latest.unshift({ text, read });
  latest.splice(2);
  return read;
}

function readText(text: string): Read {
  const read = parseSyntax(text);
  if ('problem' in read) return read;
  const upstreams = new Map<string, readonly ParsedServer[]>();
  const maps = new Map<string, ReadonlyMap<string, string>>();
  for (const { words, block } of read.directives) {
    const [kind, first, second] = words;
    if (block === undefined) continue;
    if (kind === 'upstream' && first !== undefined) {
      // Nginx refuses a second upstream of one name; a text that has one was never loaded.
      if (upstreams.has(first)) return { problem: `the upstream ${first} is there twice` };
      upstreams.set(first, block.flatMap(server));
    }
    if (kind === 'map' && second !== undefined) {
      maps.set(
        second,
        new Map(block.flatMap(({ words: [key, value] }) => (key && value !== undefined ? [[key, value]] : []))),
      );
    }
  }
  return { upstreams, maps, digest: /"configuration":"([0-9a-f]{16})"/.exec(text)?.[1] ?? null };
}

function server({ words: [kind, address, ...parameters] }: Directive): ParsedServer[] {
  return kind === 'server' && address !== undefined ? [{ address, parameters }] : [];
}
