import { createHash, createHmac } from 'node:crypto';

/** One usable line of a known_hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). */
export interface KnownHost {
  readonly mark: 'key' | 'revoked' | 'cert-authority';
  /** Comma-separated patterns, or one hashed name. */
  readonly hosts: string;
  /** `ssh-ed25519`, `ssh-rsa`, ... */
  readonly type: string;
  readonly key: Buffer;
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

export type Verdict =
  | { readonly kind: 'known' }
  | { readonly kind: 'revoked'; readonly by: KnownHost }
  /** Another key of the same type is listed. */
  | { readonly kind: 'changed'; readonly listed: KnownHost }
  /** `authority`: a certificate authority is listed for the host, which is not supported here. */
  | { readonly kind: 'unknown'; readonly authority?: KnownHost };

/** Reads a file's text; what is no entry (comments, damaged lines) is passed over, as OpenSSH does. */
export function parseKnownHosts(text: string, file: string): KnownHost[] {
  return text.split('\n').flatMap((raw, index) => {
    const words = raw.trim().split(/\s+/);
    if (words[0] === undefined || words[0] === '' || words[0].startsWith('#')) return [];
    const mark = words[0].startsWith('@') ? words.shift()?.slice(1) : 'key';
    if (mark !== 'key' && mark !== 'revoked' && mark !== 'cert-authority') return [];
    const [hosts, type, base64] = words;
    if (hosts === undefined || type === undefined || base64 === undefined) return [];
    const key = Buffer.from(base64, 'base64');
    return keyType(key) === type ? [{ mark, hosts, type, key, file, line: index + 1 }] : [];
  });
}

/** How known_hosts names a host: bare on port 22, else `[name]:port`. */
export const knownName = (name: string, port: number): string => {
  const lower = name.toLowerCase();
  return port === 22 ? lower : `[${lower}]:${port}`;
};

/** What the files say of the key that a host has shown. `key` is in ssh's own binary form. */
export function judge(known: readonly KnownHost[], name: string, port: number, key: Buffer): Verdict {
  const here = linesFor(known, name, port);
  const revoked = here.find((line) => line.mark === 'revoked' && line.key.equals(key));
  if (revoked !== undefined) return { kind: 'revoked', by: revoked };
  const keys = here.filter((line) => line.mark === 'key');
  if (keys.some((line) => line.key.equals(key))) return { kind: 'known' };
  const type = keyType(key);
  const listed = keys.find((line) => line.type === type);
  if (listed !== undefined) return { kind: 'changed', listed };
  // As OpenSSH: a key that is listed for the name without a port is good for its other ports too.
  if (port !== 22 && keys.length === 0) {
    const bare = judge(known, name, 22, key);
    if (bare.kind === 'known' || bare.kind === 'revoked') return bare;
  }
  const authority = here.find((line) => line.mark === 'cert-authority');
  return authority === undefined ? { kind: 'unknown' } : { kind: 'unknown', authority };
}

/** Types of the keys listed for a host, each once: it is to be asked for these first, since it may have several keys. */
export function listedTypes(known: readonly KnownHost[], name: string, port: number): string[] {
  const own = linesFor(known, name, port).filter((line) => line.mark === 'key');
  const lines = own.length === 0 && port !== 22 ? linesFor(known, name, 22).filter((line) => line.mark === 'key') : own;
  return [...new Set(lines.map((line) => line.type))];
}

/** As `ssh-keygen -lf` prints it. */
export const fingerprint = (key: Buffer): string =>
  `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;

/** The type's name, which a key in ssh's binary form begins with; empty where it is no key. */
export function keyType(key: Buffer): string {
  if (key.length < 4) return '';
  const length = key.readUInt32BE(0);
  return length < 64 && key.length > 4 + length ? key.toString('latin1', 4, 4 + length) : '';
}

function linesFor(known: readonly KnownHost[], name: string, port: number): KnownHost[] {
  const wanted = knownName(name, port);
  return known.filter((line) =>
    line.hosts.startsWith('|') ? isHashOf(line.hosts, wanted) : matches(line.hosts, wanted),
  );
}

function isHashOf(hashed: string, name: string): boolean {
  const [, version, salt, hash] = hashed.split('|');
  if (version !== '1' || salt === undefined || hash === undefined) return false;
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest().equals(Buffer.from(hash, 'base64'));
}

/** `*` and `?`; a pattern with `!` that matches rules the line out, whatever else it holds. */
function matches(patterns: string, name: string): boolean {
  let found = false;
  for (const pattern of patterns.toLowerCase().split(',')) {
    const negated = pattern.startsWith('!');
    if (!wildcard(negated ? pattern.slice(1) : pattern).test(name)) continue;
    if (negated) return false;
    found = true;
  }
  return found;
}

const wildcard = (pattern: string): RegExp => {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll(/\*+/g, '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's');
};
