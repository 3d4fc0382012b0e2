/** Deeper than anything that orchestrate writes; what reads values by recursion would run out of its stack at some thousands. */
const DEEPEST = 64;

/** Reads JSON that a host printed. Throws `SyntaxError` where it is none, or is nested too deep to be looked at safely. */
export function parseJson(text: string): unknown {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (quoted) {
      if (character === '\\') at += 1;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '{' || character === '[') {
      depth += 1;
      if (depth > DEEPEST) throw new SyntaxError('it is nested too deep');
    } else if (character === '}' || character === ']') depth -= 1;
  }
  return JSON.parse(text);
}
