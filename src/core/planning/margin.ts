/** What a script may take beyond the deadline that it keeps itself, in milliseconds. */
export const MARGIN = 15_000;
