import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Status } from '../../src/core/status.ts';
import { DATABASE, raiseFleet, type Fleet, type FleetOptions } from '../fleet/fleet.ts';
import { must } from '../fleet/hosts/shell.ts';
import { makeProject, type Project } from '../fleet/project/make-project.ts';
import { ledgerQuery, readRows } from '../fleet/load/ledger.ts';
import type { LoadOptions } from '../fleet/load/generator.ts';
import { startLoad, type Load } from '../fleet/load/load.ts';
import { assertNothingLost, withLedger, type Report } from '../fleet/load/report.ts';
import { beginOrchestrate, type AtCall, type Begun, type Ran } from './operator.ts';

export type { Ran };

/** A fleet with the project's repository and the operator's inventory: what an end-to-end test needs. */
export class Scene {
  readonly fleet: Fleet;
  readonly project: Project;
  readonly #folder: string;

  constructor(fleet: Fleet, project: Project, folder: string) {
    this.fleet = fleet;
    this.project = project;
    this.#folder = folder;
  }

  get inventoryFile(): string {
    return join(this.fleet.state, 'operator', 'inventory.yaml');
  }

  /** Runs the program as an operator does. Resolves whatever its exit code. */
  orchestrate(...args: string[]): Promise<Ran> {
    return this.begin(...args).ended;
  }

  /** Starts the program; `pid` is its own. */
  begin(...args: string[]): Begun {
    return beginOrchestrate(this.inventoryFile, this.#folder, args);
  }

  /** Starts it on another machine, which has nothing of what this one keeps; `met`: see at-call.ts. */
  async elsewhere(args: readonly string[], met?: AtCall): Promise<Begun> {
    return beginOrchestrate(this.inventoryFile, await mkdtemp(join(this.#folder, 'machine-')), args, met);
  }

  /** As `orchestrate`, of a command that must end with an exit code; what it said is in the error if it does not. */
  async expect(code: number, ...args: string[]): Promise<Ran> {
    const ran = await this.orchestrate(...args);
    if (ran.code !== code)
      throw new Error(`orchestrate ${args.join(' ')}: exit ${ran.code}, not ${code}\n${ran.stdout}\n${ran.stderr}`);
    return ran;
  }

  async status(): Promise<Status> {
    return JSON.parse((await this.orchestrate('status', '--json')).stdout) as Status;
  }

  load(options: Partial<LoadOptions> = {}): Promise<Load> {
    return startLoad({ targets: this.fleet.targets, releases: this.project.stylesheets, ...options });
  }

  /** Ends the load and holds its orders against the database. */
  async report(load: Load): Promise<Report> {
    const report = await load.stop();
    const env = Object.entries({ ...DATABASE, PGHOST: this.fleet.address }).map(([key, value]) => `${key}=${value}`);
    const rows = await must('/usr/bin/env', [...env, 'psql', '-At', '-F', ' ', '-c', ledgerQuery(report.run)]);
    return withLedger(report, readRows(rows));
  }

  /** Does something while users send requests; fails on one lost, doubled or wrong answer. Returns what the load saw. */
  async underLoad<T>(
    work: () => Promise<T>,
    options: Partial<LoadOptions> = {},
  ): Promise<{ readonly report: Report; readonly result: T }> {
    const load = await this.load(options);
    let result: T;
    try {
      await pause(1500);
      result = await work();
      await pause(1500);
    } catch (error) {
      await load.stop();
      throw error;
    }
    const report = await this.report(load);
    return { report, result };
  }

  /** Other keys in the inventory, from now on. The builder's own pip serves: one in each virtual environment costs more than the roll. */
  async configure(extra: Record<string, Record<string, unknown>>): Promise<void> {
    const build = { venv_args: ['--without-pip'], ...extra['build'] };
    await this.fleet.writeInventory(this.project.folder, { ...extra, build });
  }

  async end(): Promise<void> {
    await this.fleet.lower();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** A balancer's reloads so far: how often its workers were replaced, by the number in their master's log. */
  async accessLog(balancer: string): Promise<string> {
    return readFile(join(this.fleet.state, 'hosts', balancer, 'upper/var/log/nginx/shop.json'), 'utf8');
  }
}

/** Raises a fleet that serves `release` already. */
export async function setScene(options: FleetOptions, release: 'v1' | 'v2' | null = 'v1'): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), 'orchestrate-scene-'));
  const [fleet, project] = await Promise.all([raiseFleet(options), makeProject(join(folder, 'project'))]);
  const scene = new Scene(fleet, project, folder);
  try {
    await scene.configure({});
    if (release !== null) await scene.expect(0, 'roll', '--ref', release, '--yes');
    return scene;
  } catch (error) {
    await scene.end();
    throw error;
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export { assertNothingLost };
