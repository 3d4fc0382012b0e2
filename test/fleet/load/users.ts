import type { Random } from './random.ts';

/** What users of a load met while two releases stood side by side. */
export interface Sides {
  readonly users: number;
  /** Users who met an arm, by its name. */
  readonly met: Readonly<Record<string, number>>;
  /** Users who met another arm than before, by from and to: `canary stable`. */
  readonly crossed: Readonly<Record<string, number>>;
}

interface User {
  readonly address: string;
  cookie: string | undefined;
  arm: string;
  /** Its first request is on its way: it has nothing yet to be known by. */
  waits: boolean;
}

/** Users as browsers are: each has an address of its own, keeps the cookie that it is given, and is told which arm it met. */
export class Users {
  readonly #users: readonly User[];
  readonly #random: Random;
  readonly #crossed: Record<string, number> = {};
  readonly #met: Record<string, Set<User>> = {};

  constructor(count: number, random: Random) {
    this.#random = random;
    this.#users = Array.from({ length: count }, (_, at) => ({
      address: `198.51.${100 + Math.floor(at / 250)}.${(at % 250) + 1}`,
      cookie: undefined,
      arm: '',
      waits: false,
    }));
  }

  /** A user by chance; one that has nothing to be known by does not send two requests at once. */
  take(): {
    readonly headers: Record<string, string>;
    readonly met: (headers: Readonly<Record<string, string>>) => void;
  } {
    const from = Math.floor(this.#random() * this.#users.length);
    const user =
      [...this.#users.slice(from), ...this.#users.slice(0, from)].find(({ waits }) => !waits) ?? this.#users[from]!;
    user.waits = user.cookie === undefined;
    const headers = { 'X-Forwarded-For': user.address, ...(user.cookie === undefined ? {} : { Cookie: user.cookie }) };
    const { arm } = user;
    return { headers, met: (answer) => this.#tell(user, arm, answer) };
  }

  #tell(user: User, before: string, headers: Readonly<Record<string, string>>): void {
    user.waits = false;
    const given = headers['set-cookie'];
    if (given !== undefined) user.cookie = given.split(';')[0];
    const arm = headers['x-release-arm'] ?? '';
    if (arm === '') return;
    (this.#met[arm] ??= new Set()).add(user);
    // By what it knew when it sent this: the answer to an upload of before a flip may come after those to requests of after it.
    if (before !== '' && before !== arm) {
      const crossing = `${before} ${arm}`;
      this.#crossed[crossing] = (this.#crossed[crossing] ?? 0) + 1;
    }
    user.arm = arm;
  }

  get sides(): Sides {
    const met = Object.fromEntries(Object.entries(this.#met).map(([arm, users]) => [arm, users.size]));
    return { users: this.#users.length, met, crossed: this.#crossed };
  }
}
