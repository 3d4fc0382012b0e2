/** Numbers from 0 to below 1, as if by chance, the same for the same seed (sfc32, by Chris Doty-Humphrey; passes PractRand). */
export function seeded(seed: number): () => number {
  let [a, b, c, counter] = [seed | 0, 0x9e3779b9 | 0, 0x243f6a88 | 0, 1];
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let warm = 0; warm < 15; warm += 1) next();
  return next;
}

/** How many of `n` things happen, each by a chance of `p` (above 0 and below 1): from one that happens to the next, so that rare ones are quick. */
export function binomial(random: () => number, n: number, p: number): number {
  const miss = Math.log1p(-p);
  let happened = 0;
  for (let at = 0; ; happened += 1) {
    at += Math.floor(Math.log1p(-random()) / miss) + 1;
    if (at > n) return happened;
  }
}
