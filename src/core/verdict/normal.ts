/** Below this the asymptotic series is right to a millionth. It is the published one, so that others can reckon the same numbers. */
const FAR = -10;

/**
 * z²/2 + ln Φ(z), Φ being the standard normal distribution. One term, for z² and ln Φ cancel each other where z is far below 0; Φ itself
 * is 0 to a computer there, and to put a floor under it would make evidence out of nothing.
 */
export function halfSquarePlusLnPhi(z: number): number {
  if (z < FAR) {
    const w = 1 / (z * z);
    return -Math.log(-z * Math.sqrt(2 * Math.PI)) + Math.log1p(-w + 3 * w ** 2 - 15 * w ** 3);
  }
  if (z < 0) return Math.log(scaledErfc(-z / Math.SQRT2) / 2);
  return (z * z) / 2 + Math.log1p((-scaledErfc(z / Math.SQRT2) * Math.exp((-z * z) / 2)) / 2);
}

/** exp(x²) erfc(x) for x of 0 and more: a series of positive terms near 0, else the continued fraction (Abramowitz and Stegun 7.1.6, 7.1.14). */
function scaledErfc(x: number): number {
  if (x < 2) {
    let term = x;
    let sum = x;
    for (let n = 1; term > sum * 1e-17; n += 1) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return Math.exp(x * x) - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = x;
  for (let n = 120; n >= 1; n -= 1) fraction = x + n / 2 / fraction;
  return 1 / (fraction * Math.sqrt(Math.PI));
}
