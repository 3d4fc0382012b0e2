import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Scene } from '../e2e/scene.ts';
import { raiseFleet, type Fleet } from '../fleet/fleet.ts';
import type { Load } from '../fleet/load/load.ts';
import type { Report } from '../fleet/load/report.ts';
import { makeProject, type Project } from '../fleet/project/make-project.ts';

/** What the demo is played on. However far it has come up, `strike` leaves nothing of it. */
export class Stage {
  readonly #gone: AbortSignal;
  #folder: string | undefined;
  /** What is coming up; it has settled before it is taken down, or the two would work against each other. */
  #coming: Promise<unknown> = Promise.resolve();
  #fleet: Fleet | undefined;
  #scene: Scene | undefined;
  #load: Load | undefined;
  #struck: Promise<void> | undefined;

  constructor(gone: AbortSignal) {
    this.#gone = gone;
  }

  get inventory(): string {
    return this.#there(this.#scene).inventoryFile;
  }

  async raise(): Promise<{ readonly fleet: Fleet; readonly project: Project }> {
    const folder = await mkdtemp(join(tmpdir(), 'orchestrate-demo-'));
    this.#folder = folder;
    // The operator's cache is the demo's own too.
    process.env['XDG_CACHE_HOME'] = join(folder, 'cache');
    const raising = raiseFleet({ name: 'demo', balancers: 2, backends: 4 });
    const making = makeProject(join(folder, 'project'));
    this.#coming = Promise.allSettled([raising.then((fleet) => (this.#fleet = fleet)), making]);
    const [fleet, project] = await Promise.all([raising, making]);
    this.#gone.throwIfAborted();
    this.#scene = new Scene(fleet, project, folder);
    await this.#scene.configure({});
    return { fleet, project };
  }

  async load(): Promise<Load> {
    this.#gone.throwIfAborted();
    const starting = this.#there(this.#scene).load();
    this.#coming = starting.then(
      (load) => (this.#load = load),
      () => {},
    );
    await this.#coming;
    return starting;
  }

  /** Ends the load; its report is held against the database. */
  report(): Promise<Report> {
    return this.#there(this.#scene).report(this.#there(this.#load));
  }

  /** The worker processes of each balancer's Nginx: a reload replaces them. */
  async workers(): Promise<string[]> {
    const fleet = this.#there(this.#fleet);
    const script = 'read -r pid </run/nginx.pid && cat "/proc/$pid/task/$pid/children"';
    return Promise.all(fleet.balancers.map(({ name }) => fleet.sh(name, script)));
  }

  /** Takes everything down. */
  strike(): Promise<void> {
    this.#struck ??= this.#strike();
    return this.#struck;
  }

  async #strike(): Promise<void> {
    await this.#coming;
    if (this.#load !== undefined) {
      try {
        process.kill(this.#load.pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
      await this.#load.done.catch(() => {});
    }
    await this.#fleet?.lower();
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }

  #there<T>(what: T | undefined): T {
    this.#gone.throwIfAborted();
    if (what === undefined) throw new Error('the stage is not up yet');
    return what;
  }
}
