import { isIPv4, isIPv6 } from 'node:net';

/** An IP address in its one usual spelling (IPv6: lower case, shortest), or the reason why it can't be a host's. */
export function ipAddress(text: string): { readonly ip: string } | { readonly not: string } {
  if (isIPv4(text)) {
    if (text === '0.0.0.0' || text === '255.255.255.255') return { not: 'is not the address of one host' };
    return { ip: text };
  }
  if (!isIPv6(text)) return { not: 'is not an IP address' };
  if (text.includes('%')) return { not: 'has a zone; Nginx takes none' };
  const ip = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  if (ip === '::') return { not: 'is not the address of one host' };
  if (ip.startsWith('::ffff:')) return { not: 'is an IPv4 address written as IPv6; write it as IPv4' };
  return { ip };
}

/** A name that DNS could know, or an IPv4 address. */
export const HOSTNAME =
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;

/** Splits `host`, `host:port`, `[v6]`, `[v6]:port`; undefined: it is none of them. */
export function hostAndPort(text: string): { readonly host: string; readonly port?: number } | undefined {
  const [, v6, name, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (v6 !== undefined ? !isIPv6(v6) : name === undefined || !HOSTNAME.test(name)) return undefined;
  const host = v6 ?? name ?? '';
  if (port === undefined) return { host };
  return Number(port) >= 1 && Number(port) <= 65_535 ? { host, port: Number(port) } : undefined;
}
