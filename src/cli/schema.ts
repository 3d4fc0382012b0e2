import { jsonSchema } from '../core/inventory.ts';

/** `orchestrate schema` */
export function schema(): Promise<number> {
  process.stdout.write(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
  return Promise.resolve(0);
}
