/** `127.0.0.1:8099` or `[::1]:8099`, taken apart. */
export function splitSocket(socket: string): { readonly address: string; readonly port: number } {
  const colon = socket.lastIndexOf(':');
  return { address: socket.slice(0, colon).replaceAll(/[[\]]/g, ''), port: Number(socket.slice(colon + 1)) };
}

/** The way that Nginx and URLs write an address with a port. */
export const socketOf = (address: string, port: number): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port}`;
