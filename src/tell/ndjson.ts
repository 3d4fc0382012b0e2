import type { Event } from '../core/event.ts';
import { safeJson } from '../core/printable.ts';

/** One JSON object a line, an event each: for programs. */
export function ndjson(write: (text: string) => void): (event: Event) => void {
  return (event) => write(`${safeJson(event)}\n`);
}
