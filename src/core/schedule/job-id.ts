import { createHash } from 'node:crypto';

/** A UUID of version 5 (RFC 9562) from a namespace, which is a UUID too, and a name. */
export function uuid5(namespace: string, name: string): string {
  const bytes = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest()
    .subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** A job's id, from its schedule's and the instant at which it is due: whoever computes it, and however often, finds the same. */
export const jobId = (schedule: string, due: number): string => uuid5(schedule, new Date(due).toISOString());

/** Milliseconds by which a job is put off, less than `most`, always the same for a job: schedules of one minute don't all begin at once. */
export const jitterOf = (id: string, most: number): number =>
  most <= 0 ? 0 : Math.floor((Number.parseInt(id.slice(0, 8), 16) / 2 ** 32) * most);
