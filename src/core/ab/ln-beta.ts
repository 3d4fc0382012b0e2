/** Below this the series of Stirling is not good enough; what is smaller is led up to it. With eight terms it is right to 1e-14. */
const FAR = 10;
/** B_2k / (2k (2k − 1)), B_2k being Bernoulli's numbers (Abramowitz and Stegun 6.1.40). */
const TERMS = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360_360, 1 / 156, -3617 / 122_400];

/** ln Γ(x), for x above 0. */
function lnGamma(x: number): number {
  let led = 0;
  let at = x;
  for (; at < FAR; at += 1) led += Math.log(at);
  const inverse = 1 / (at * at);
  let series = 0;
  for (const term of TERMS.toReversed()) series = series * inverse + term;
  return (at - 0.5) * Math.log(at) - at + Math.log(2 * Math.PI) / 2 + series / at - led;
}

/** ln of the beta function, for both above 0. */
export const lnBeta = (a: number, b: number): number => lnGamma(a) + lnGamma(b) - lnGamma(a + b);
