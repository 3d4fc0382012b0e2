/** What a fleet is raised with; what is not said is as the defaults of the inventory have it. */
export interface FleetOptions {
  /** Small letters and digits. Fleets with several names stand side by side; a dead run's fleet of the same name is taken down. */
  readonly name: string;
  readonly balancers: number;
  readonly backends: number;
  readonly configuration?: 'managed' | 'fixed';
  readonly switch?: 'live' | 'reload';
  /** `own`: the site keeps its own supervisor program, without the wrapper. */
  readonly program?: 'wrapper' | 'own';
  /** lb1 is a backend too, the first of them. */
  readonly both?: boolean;
  /** sshd's settings: Debian's defaults, or those for large fleets. */
  readonly sshd?: 'debian' | 'large';
  /** Of the ssh user's sessions. */
  readonly umask?: string;
  readonly tls?: boolean;
  /** What comes in by ssh gets a small share of the processors. */
  readonly slowSsh?: boolean;
  /** Default: true. Without, the project uses a SQLite file of each host. */
  readonly database?: boolean;
  /** The port of the only slot; default 8000. */
  readonly port?: number;
  /** Backends (`web1`) with a second slot, on the port behind. */
  readonly two?: readonly string[];
  /** Gunicorn's worker processes; default 2. */
  readonly workers?: number;
  /** Gunicorn's threads for each of its workers; default 8. */
  readonly threads?: number;
}
