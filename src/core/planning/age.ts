import type { FleetView } from '../fleet.ts';

/** Which of two releases was built first: their names tell the minute alone. For sorting, oldest first. */
export function older(view: FleetView): (a: string, b: string) => number {
  const built = new Map<string, string>();
  for (const backend of Object.values(view.backends))
    if (backend.kind === 'seen') for (const { release, built: at } of backend.releases) built.set(release, at);
  const ageOf = (name: string): string => `${name.slice(0, 13)} ${built.get(name) ?? ''} ${name}`;
  return (a, b) => (ageOf(a) < ageOf(b) ? -1 : ageOf(a) > ageOf(b) ? 1 : 0);
}
