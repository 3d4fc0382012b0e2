/** A directive of an Nginx configuration: `listen 80;` or, with a block, `server { … }`. */
export interface Directive {
  /** The name and its parameters, quotes and escapes undone. */
  readonly words: readonly string[];
  readonly block?: readonly Directive[];
}

/**
 * Reads the syntax of an Nginx configuration, of any directive, as Nginx does: comments, quotes, backslashes, blocks.
 * @returns the directives, or a sentence about where the text stops being one
 */
export function parseSyntax(
  text: string,
): { readonly directives: readonly Directive[] } | { readonly problem: string } {
  const open: Directive[][] = [[]];
  let words: string[] = [];
  const line = (at: number): number => text.slice(0, at).split('\n').length;
  for (const { kind, word, at } of tokens(text)) {
    const around = open.at(-1)!;
    if (kind === 'word') {
      words.push(word);
    } else if (kind === 'open quote') {
      return { problem: `line ${line(at)}: a quote is not closed` };
    } else if (kind === ';') {
      if (words.length === 0) return { problem: `line ${line(at)}: ";" where a directive should be` };
      around.push({ words });
      words = [];
    } else if (kind === '{') {
      if (words.length === 0) return { problem: `line ${line(at)}: "{" where a directive should be` };
      if (open.length > 50) return { problem: `line ${line(at)}: blocks are nested too deep` };
      const block: Directive[] = [];
      around.push({ words, block });
      open.push(block);
      words = [];
    } else {
      if (words.length > 0) return { problem: `line ${line(at)}: a directive is not ended by ";"` };
      if (open.length === 1) return { problem: `line ${line(at)}: "}" closes nothing` };
      open.pop();
    }
  }
  if (words.length > 0) return { problem: 'the text ends in the middle of a directive' };
  if (open.length > 1) return { problem: 'the text ends in the middle of a block' };
  return { directives: open[0]! };
}

interface Token {
  readonly kind: 'word' | 'open quote' | ';' | '{' | '}';
  readonly word: string;
  /** Where it stands in the text. */
  readonly at: number;
}

/** `${` is part of a word, as in Nginx; a quote counts only at the start of one. */
const TOKEN =
  /(\s+|#[^\n]*)|"((?:[^"\\]|\\[^])*)"|'((?:[^'\\]|\\[^])*)'|([;{}])|((?:[^\s;{}"'\\$#]|\\[^]|\$\{|\$)(?:[^\s;{\\$]|\\[^]|\$\{|\$)*)|(["'\\])/gy;

function* tokens(text: string): Generator<Token> {
  for (const match of text.matchAll(TOKEN)) {
    const [whole, blank, double, single, sign, bare] = match;
    const at = match.index;
    const written = double ?? single ?? bare;
    if (blank !== undefined) continue;
    if (sign === ';' || sign === '{' || sign === '}') yield { kind: sign, word: sign, at };
    else if (written !== undefined) yield { kind: 'word', word: unescaped(written), at };
    else {
      yield { kind: 'open quote', word: whole, at };
      return;
    }
  }
}

const unescaped = (word: string): string => (word.includes('\\') ? word.replaceAll(/\\(["'\\])/g, '$1') : word);
