/** Host-seconds out of rotation, from lines `out NAME SECONDS` and `in NAME SECONDS`. */
export function secondsOut(lines: string): number {
  let out = 0;
  for (const [, state, , at] of lines.matchAll(/^(out|in) (\S+) ([0-9.]+)$/gm))
    out += Number(at) * (state === 'in' ? 1 : -1);
  return out;
}
