import type { Freeze } from './freeze.ts';
import type { Window } from './window.ts';

/** The inventory after reading: defaults filled in, ranges expanded, durations in milliseconds, paths with `app` in them derived. Keys as in the file. */
export interface Inventory {
  readonly app: string;
  readonly ssh: { readonly concurrency: number };
  /** In the file's order. */
  readonly balancers: readonly Host[];
  readonly backends: readonly Backend[];
  readonly release: {
    readonly root: string;
    readonly code: string;
    readonly virtualenv: string;
    /** path in the code -> path in root/shared */
    readonly shared: Readonly<Record<string, string>>;
    /** A path below root/shared. */
    readonly env_file: string;
    readonly keep: number;
  };
  readonly build: {
    readonly source: string;
    readonly ref: string;
    /** A backend's name. */
    readonly builder: string;
    readonly python: string;
    readonly requirements: string;
    readonly venv_args: readonly string[];
    readonly commands: readonly string[];
    readonly static: {
      /** null: the project has no static files to collect. */
      readonly command: string | null;
      readonly output: string;
      readonly publish: { readonly to: 'balancers' | 'backends' | 'none'; readonly path: string };
    };
  };
  readonly migrate: { readonly command: string | null; readonly allow: 'additive' | 'any' };
  readonly service: {
    readonly manager: 'supervisor' | 'systemd' | 'pidfile' | 'command';
    readonly wrapper: boolean;
    readonly command: string;
    readonly slots: readonly number[];
    /** Milliseconds for which the former release of a host with two slots runs on. */
    readonly linger: number;
    /** Hosts with two slots on which the next release is started at once. */
    readonly start_concurrency: number;
    readonly name: string;
    readonly pid_file: string;
    readonly restart: string | null;
  };
  readonly rehearse: { readonly command: string; readonly on: 'builder' | 'all' | 'none' };
  readonly health: {
    readonly path: string;
    readonly host: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly status: number;
    readonly consecutive: number;
    readonly interval: number;
    readonly timeout: number;
    readonly deadline: number;
    readonly from: 'balancer' | 'backend' | 'here';
    readonly warm: readonly string[];
  };
  readonly drain: { readonly deadline: number; readonly on_deadline: 'fail' | 'proceed' };
  readonly nginx: {
    readonly switch: 'live' | 'reload';
    readonly configuration: 'managed' | 'fixed';
    readonly file: string;
    readonly folder: string;
    readonly template: string;
    readonly method: string;
    readonly server_options: string;
    readonly status: string;
    readonly test: string;
    readonly reload: string;
    readonly keepalive_timeout: number;
    readonly access_log: string;
  };
  readonly roll: {
    /** Counts of hosts or shares, as written: `1`, `25%`; the last one repeats. */
    readonly batch: readonly (number | `${number}%`)[];
    readonly order: 'inventory' | 'zones';
    readonly pause: number;
    readonly bake: number;
    readonly min_in_rotation: number | `${number}%`;
    readonly on_failure: 'rollback' | 'halt' | 'skip';
    readonly max_failures: number;
  };
  /** Names of goals, each with a method and a pattern of the URL, as goals.ts reads them. */
  readonly ab: { readonly goals: Readonly<Record<string, string>> };
  readonly canary: {
    /** Of a hundred. */
    readonly share: number;
    readonly steps: readonly number[];
    /** Milliseconds. */
    readonly hold: number;
    readonly sticky: 'cookie' | 'address' | 'none';
    /** What lets whoever knows the secret choose a side; absent: nothing. */
    readonly header?: {
      readonly name: string;
      /** A path on this machine. */
      readonly secret_file: string;
    };
    readonly unwatched: 'abort' | 'keep';
    readonly promote: 'ask' | 'auto';
    /** Of 1. */
    readonly false_alarms: number;
    readonly max_error_rate: number;
  };
  /** As in the tz database: where openings are told. Each window has one of its own. */
  readonly time_zone: string;
  readonly windows_on_close: 'finish' | 'halt' | 'rollback';
  readonly windows: readonly Window[];
  /** Dates and times are instants by now. */
  readonly freezes: readonly Freeze[];
  readonly notify: readonly {
    /** http or https. */
    readonly webhook: string;
    readonly on: readonly ('started' | 'batch' | 'failed' | 'finished')[];
    /** A path on this machine. */
    readonly secret_file?: string;
    readonly format: 'json' | 'slack';
  }[];
  /** Commands for this machine's sh. */
  readonly hooks: {
    readonly before_roll: readonly string[];
    readonly after_batch: readonly string[];
    readonly after_roll: readonly string[];
    readonly on_failure: readonly string[];
    /** Milliseconds, for each command. */
    readonly deadline: number;
  };
}

export interface Host {
  readonly name: string;
  readonly address: string;
  readonly ssh: HostSsh;
}

export interface Backend extends Host {
  readonly zone?: string;
  readonly weight?: number;
  /** Ports of its slots, one or two: the host's own or the service's. */
  readonly slots: readonly number[];
}

/** The `ssh` section with the host's own keys laid over it; `~` expanded. ~/.ssh/config is looked up by fleet/ssh-config.ts for what is absent here. */
export interface HostSsh {
  readonly user?: string;
  readonly port?: number;
  readonly identity_file?: string;
  readonly known_hosts: string;
  readonly config: string | false;
  readonly jump?: string;
  /** Milliseconds. */
  readonly connect_timeout: number;
  readonly keepalive: number;
}

export { countOf } from './inventory/count.ts';
export type { Count } from './inventory/count.ts';
export { formatProblem } from './inventory/problem.ts';
export type { Problem } from './inventory/problem.ts';
export { readInventory } from './inventory/read.ts';
export type { ReadInventory } from './inventory/read.ts';
export { jsonSchema } from './inventory/schema.ts';
export { selectHosts } from './inventory/select.ts';
export type { Selected } from './inventory/select.ts';
