import { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';

/**
 * A tunnel's channel as a stream like any other. ssh2's own `destroy` drops its error and waits for the other side, so that whoever
 * reads it (HTTP's client, the ssh of the next hop) would learn neither why nor when.
 */
export function asStream(channel: ClientChannel): Duplex {
  const stream = new Duplex({
    read: () => void channel.resume(),
    write: (chunk, encoding, done) => void channel.write(chunk, encoding, done),
    final: (done) => {
      channel.end();
      done();
    },
    destroy: (error, done) => {
      channel.close();
      channel.resume();
      done(error);
    },
  });
  channel.on('data', (chunk: Buffer) => {
    if (!stream.destroyed && !stream.push(chunk)) channel.pause();
  });
  channel.on('end', () => {
    if (!stream.destroyed) stream.push(null);
  });
  channel.on('error', (error: Error) => stream.destroy(error));
  channel.on('close', () => {
    // What has come is still to be read.
    if (stream.readableEnded) stream.destroy();
    else stream.once('end', () => stream.destroy());
  });
  return stream;
}

/** Why there is no tunnel, in words. The numbers are those of RFC 4254, section 5.1. */
export function refused(error: Error & { readonly reason?: unknown }, address: string, port: number): Error {
  if (typeof error.reason !== 'number') return error;
  if (error.reason === 1) {
    return new Error(
      'its sshd refuses tunnels (AllowTcpForwarding or PermitOpen in sshd_config, or restrict in authorized_keys)',
    );
  }
  const words = error.message.replace(/^\(SSH\) Channel open failure: /, '');
  return new Error(`${address.includes(':') ? `[${address}]` : address}:${port} from there: ${words}`);
}
