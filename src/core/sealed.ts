/**
 * The secret of canary.header stands in the balancers' configuration, and plans are printed: in them a word stands in its place, which the
 * step that writes the configuration takes out at the last moment.
 */

const WORD = '@secret:canary.header';

export interface Seal {
  /** The text with the word in the secret's place. */
  readonly close: (text: string) => string;
  /** As it was. */
  readonly open: (text: string) => string;
}

/** What a secret may be: nothing that means something to Nginx, and too long to be guessed. */
export const SECRET = /^[A-Za-z0-9_-]{16,64}$/;

export const SECRET_WORDS = '16 to 64 letters, digits, - or _ in one line, as `openssl rand -hex 16` makes them';

export const sealOf = (secret: string): Seal => ({
  close: (text) => text.replaceAll(secret, WORD),
  open: (text) => text.replaceAll(WORD, secret),
});
