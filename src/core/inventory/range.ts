/** A range of hosts may not be larger: a slip of the finger (`web[1-1000000]`) must not fill the memory. */
const MOST = 2000;

export type Expanded =
  | { readonly ok: true; readonly words: string[] }
  | { readonly ok: false; readonly message: string };

/** `web[2-4]` to web2, web3, web4; `[02-10]` keeps the zero; `[2:4]` is the same; several ranges in a word vary from the right. */
export function expandRange(word: string): Expanded {
  let words = [''];
  for (const part of word.split(/(\[[^[\]]*\])/)) {
    if (!part.startsWith('[')) {
      if (/[[\]]/.test(part)) return { ok: false, message: 'has a bracket without its partner' };
      words = words.map((start) => start + part);
      continue;
    }
    const numbers = numbersIn(part);
    if (typeof numbers === 'string') return { ok: false, message: numbers };
    if (words.length * numbers.length > MOST) return { ok: false, message: `stands for more than ${MOST} hosts` };
    words = words.flatMap((start) => numbers.map((number) => start + number));
  }
  return { ok: true, words };
}

function numbersIn(range: string): string[] | string {
  const [, from, to] = /^\[(\d{1,9})[-:](\d{1,9})\]$/.exec(range) ?? [];
  if (from === undefined || to === undefined) return `has ${range}, which is no range; one looks like [2-4] or [02-10]`;
  const first = Number(from);
  const last = Number(to);
  if (last < first) return `has the range ${range}, which runs backwards`;
  if (last - first >= MOST) return `stands for more than ${MOST} hosts`;
  const width = from.startsWith('0') ? from.length : 0;
  return Array.from({ length: last - first + 1 }, (_, index) => String(first + index).padStart(width, '0'));
}
