import type { SimFleet } from '../fleet.ts';
import type { SimBackend, SimBalancer } from '../hosts.ts';
import { Died, fenced, type Fence, type Machine, type Steps } from '../machine.ts';

/** Where a script runs. */
export class Here {
  readonly fleet: SimFleet;
  readonly host: string;
  readonly machine: Machine;

  constructor(fleet: SimFleet, host: string) {
    this.fleet = fleet;
    this.host = host;
    this.machine = fleet.machine(host);
  }

  get balancer(): SimBalancer {
    const balancer = this.fleet.balancers.get(this.host);
    if (balancer === undefined) throw new Error(`${this.host} is no balancer`);
    return balancer;
  }

  get backend(): SimBackend {
    const backend = this.fleet.backends.get(this.host) ?? this.fleet.desks.get(this.host);
    if (backend === undefined) throw new Error(`${this.host} is no backend`);
    return backend;
  }

  /** Raises the fence; what is returned says, at each change, that the script makes one. */
  *fenced(args: readonly string[]): Steps<(what: string) => void> {
    const [folder = '', token = ''] = args;
    yield* fenced(this.machine, args);
    return (what) => {
      if (this.machine.full) throw new Died(1, `${what}: No space left on device`);
      this.fleet.changed(this.host, folder, token, what);
    };
  }

  *raised(args: readonly string[], seconds: number): Steps<Fence> {
    return yield* fenced(this.machine, args, seconds);
  }
}

/** A script of src/remote as it acts on a simulated host; arguments, output and exit codes are those of the file of its name. */
export type Script = (here: Here, args: readonly string[]) => Steps;
