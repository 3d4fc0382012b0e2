const CONTROL =
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  /\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]|\p{Cf}/gu;

/** Without terminal escapes, control characters, and what can't be seen or turns the direction of writing. Tabs and line feeds stay. */
export const printable = (text: string): string => text.replaceAll(CONTROL, '');

/** One line that is safe to show, whoever wrote it. */
export const clean = (text: string): string => printable(text).replaceAll(/[^\S ]/g, ' ');

/**
 * JSON in which everything that a terminal obeys, or that turns the direction of writing, is an escape: the same value for programs, and
 * safe for whoever looks at it.
 */
export const safeJson = (value: unknown, indent?: number): string =>
  JSON.stringify(value, null, indent).replaceAll(/[\u007f-\u009f\u2028\u2029]|\p{Cf}/gu, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => String.raw`\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
