/**
 * A word as sh reads it back, byte for byte: the only way anything gets into a command line.
 * Throws where the word holds a NUL, which no argument of a process can hold.
 */
export function quote(word: string): string {
  if (word.includes('\0')) throw new TypeError('a word for a command line can hold no NUL');
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
