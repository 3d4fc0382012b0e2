/** `web1, web2 and web3`; long lists are cut. */
export function listed(names: readonly string[]): string {
  if (names.length > 6) return `${names.slice(0, 4).join(', ')} and ${names.length - 4} more`;
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
