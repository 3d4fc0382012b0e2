/**
 * What a user of an A/B window is to come to: a request that is answered without an error, by its method and a pattern of its URL. The
 * pattern is one that means the same in JavaScript and in every awk, for it is looked for on the balancers.
 */
export interface Goal {
  readonly name: string;
  /** Absent: any. */
  readonly method?: string;
  /** An extended regular expression without backslashes, of path and query as the client has sent them. */
  readonly pattern: string;
}

const LONGEST = 200;
const WANTED = 'a method and a pattern of the URL, such as POST ^/checkout/done, or a pattern alone';
const LITERAL = /[A-Za-z0-9/_~%!&',;:=@-]/;
/** What may stand behind a backslash: it becomes a bracket of one, for awks differ in what a backslash is to them. */
const ESCAPED = /[.*+?()|[\]$/-]/;
/** In brackets. */
const LISTED = /[A-Za-z0-9/_~%!&',;:=@.*+?()|$-]/;

/** Reads a goal, or says what was expected. */
export function goalOf(name: string, text: string): Goal | { readonly problem: string } {
  if (!/^[a-z][a-z0-9_-]{0,39}$/.test(name))
    return { problem: 'the name of a goal is up to 40 small letters, digits, - and _, and begins with a letter' };
  const [, method, pattern] = /^(?:([A-Z]{3,10}) +)?(\S+)$/.exec(text) ?? [];
  if (pattern === undefined) return { problem: `${WANTED} was expected` };
  if (pattern.length > LONGEST) return { problem: `a pattern of ${LONGEST} characters at the most was expected` };
  const read = portable(pattern);
  if (typeof read !== 'string') return read;
  return { name, ...(method === undefined ? {} : { method }), pattern: read };
}

/** Whether a request comes to it. `uri`: path and query, `status`: of the answer. */
export const comesTo = (
  { method, pattern }: Goal,
  request: { readonly method: string; readonly uri: string; readonly status: number },
): boolean =>
  request.status >= 200 &&
  request.status < 400 &&
  (method === undefined || method === request.method) &&
  new RegExp(pattern).test(request.uri);

/** The same pattern without backslashes, or what in it is not the same everywhere. */
function portable(pattern: string): string | { readonly problem: string } {
  let found = '';
  /** What stood before: a thing that may be repeated, one that was, or neither. */
  let before: 'nothing' | 'thing' | 'repeated' = 'nothing';
  let open = 0;
  const wrong = (what: string): { readonly problem: string } => ({ problem: `${what} in the pattern ${pattern}` });
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern.charAt(at);
    if (character === '*' || character === '+' || character === '?') {
      if (before !== 'thing') return wrong(`nothing that ${character} could repeat stands before it`);
      found += character;
      before = 'repeated';
    } else if (character === '^' || character === '$') {
      // Elsewhere it is a character of its own to some.
      if (character === '^' ? before !== 'nothing' : !/^[|)]?$/.test(pattern.charAt(at + 1)))
        return wrong(`${character} elsewhere than at the ${character === '^' ? 'beginning' : 'end'}`);
      found += character;
      // An anchor alone between bars is something; it can't be repeated.
      before = 'repeated';
    } else if (character === '|' || character === ')') {
      if (before === 'nothing') return wrong(`there is nothing before ${character}`);
      if (character === ')' && (open -= 1) < 0) return wrong('a ) without its (');
      found += character;
      before = character === '|' ? 'nothing' : 'thing';
    } else if (character === '(') {
      open += 1;
      found += character;
      before = 'nothing';
    } else {
      const [, list] = character === '[' ? (/^(\[\^?[^\][^\\]+\])/.exec(pattern.slice(at)) ?? []) : [];
      const escaped = character === '\\' ? pattern.charAt(at + 1) : '';
      if (list !== undefined) {
        if (!isList(list)) return wrong(`${list} is no list of characters that every awk understands`);
        found += list;
        at += list.length - 1;
      } else if (escaped !== '' && ESCAPED.test(escaped)) {
        found += LITERAL.test(escaped) ? escaped : `[${escaped}]`;
        at += 1;
      } else if (character === '.' || LITERAL.test(character)) found += character;
      else return wrong(strange(character, escaped));
      before = 'thing';
    }
  }
  if (open > 0) return wrong('a ( without its )');
  if (before === 'nothing') return wrong('there is nothing after |');
  return found;
}

function isList(list: string): boolean {
  const inner = list.slice(list.startsWith('[^') ? 2 : 1, -1);
  if (!inner.split('').every((character) => LISTED.test(character))) return false;
  // A - between others makes a range: of letters or digits, from the smaller to the larger; else it stands at the end.
  const rest = inner.replace(/([0-9])-([0-9])|([a-z])-([a-z])|([A-Z])-([A-Z])/g, (range) =>
    range.charAt(0) <= range.charAt(2) ? '' : '-x',
  );
  return !/-./.test(rest);
}

function strange(character: string, escaped: string): string {
  if (character === '\\')
    return escaped === '' ? 'a backslash at the end' : `\\${escaped} means nothing to awk (digits are [0-9])`;
  if (character === '{' || character === '}') return 'counts in braces are not understood by every awk; they stand';
  if (character === '[') return 'a list of characters that is not closed, or holds brackets, ^ or backslashes,';
  return `${/[!-~]/.test(character) ? character : 'a character that clients send in percent-encoding'} can't stand`;
}
