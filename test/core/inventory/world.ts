import { formatProblem, readInventory } from '../../../src/core/inventory.ts';
import type { Inventory, Problem } from '../../../src/core/inventory.ts';

/** The least that is an inventory, line by line. */
export const LEAST: Readonly<Record<string, string>> = {
  app: 'shop',
  balancers: '{ lb1: { address: 10.0.0.10 } }',
  backends: '{ web1: { address: 10.0.0.11 }, "web[2-4]": { address: "10.0.0.[12-14]" } }',
  release: '{ root: /srv/www/shop }',
  service: '{ name: shop }',
  health: '{ host: shop.example.com }',
};

/** The least inventory with some top-level keys written otherwise, as text. */
export const written = (changes: Readonly<Record<string, string>>): string =>
  Object.entries({ ...LEAST, ...changes })
    .map(([key, value]) => `${key}: ${value}\n`)
    .join('');

const read = (text: string) => readInventory(text, 'inventory.yaml', '/home/me');

export function inventoryOf(changes: Readonly<Record<string, string>>): Inventory {
  const found = read(written(changes));
  if (!found.ok) throw new Error(found.problems.map(formatProblem).join('\n'));
  return found.inventory;
}

export function warningsOf(changes: Readonly<Record<string, string>>): string[] {
  const found = read(written(changes));
  if (!found.ok) throw new Error(found.problems.map(formatProblem).join('\n'));
  return found.warnings.map(told);
}

/** `path: sentence` of each problem of a text. */
export function problemsIn(text: string): string[] {
  const found = read(text);
  return found.ok ? [] : found.problems.map(told);
}

export const problemsOf = (changes: Readonly<Record<string, string>>): string[] => problemsIn(written(changes));

const told = ({ path, message }: Problem): string => `${path}: ${message}`;
