import ssh2 from 'ssh2';
import type { AnyAuthMethod, BaseAgent, IdentityCallback, ParsedKey, SignCallback, SigningRequestOptions } from 'ssh2';
import type { SshEnd, SshEnvironment } from '../ssh-config.ts';

/** OpenSSH's own names, in its order (without those that need a security token's hardware). */
const USUAL_FILES = ['id_rsa', 'id_ecdsa', 'id_ed25519'];

/** Ways to log in, in order. */
export interface Login {
  readonly methods: readonly AnyAuthMethod[];
  /** What they are, for a message: paths and the agent, never a key. */
  readonly tried: readonly string[];
  /** What kept a key from being tried, a sentence each. */
  readonly hindrances: readonly string[];
}

type KeyFile =
  | { readonly kind: 'key'; readonly key: ParsedKey }
  | { readonly kind: 'locked'; readonly public: ParsedKey | undefined }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unusable'; readonly why: string };

/** Reads the operator's keys, each file once for the run. */
export class Keys {
  readonly #environment: SshEnvironment;
  readonly #agent: string | undefined;
  readonly #files = new Map<string, KeyFile>();

  constructor(environment: SshEnvironment, agent: string | undefined) {
    this.#environment = environment;
    this.#agent = agent;
  }

  loginFor(end: SshEnd): Login {
    const methods: AnyAuthMethod[] = [];
    const tried: string[] = [];
    const hindrances: string[] = [];
    const username = end.user;
    const agent = this.#agent === undefined ? undefined : ssh2.createAgent(this.#agent);

    const useAgent = (): void => {
      if (agent === undefined) return;
      methods.push({ type: 'agent', username, agent });
      tried.push('the keys in ssh-agent');
    };
    const useFile = (path: string, named: boolean): void => {
      const file = this.#read(path);
      if (file.kind === 'key') {
        methods.push({ type: 'publickey', username, key: file.key });
        tried.push(path);
      } else if (file.kind === 'locked') {
        const add = agent === undefined ? `eval $(ssh-agent) && ssh-add ${path}` : `ssh-add ${path}`;
        hindrances.push(`${path} has a passphrase, so it is used through ssh-agent only: \`${add}\`.`);
        if (agent === undefined || file.public === undefined) return;
        methods.push({ type: 'agent', username, agent: only(agent, file.public) });
        tried.push(`${path} (by ssh-agent)`);
      } else if (file.kind === 'unusable') {
        hindrances.push(`${path} can't be used: ${file.why}.`);
      } else if (named) {
        hindrances.push(`${path} is not there.`);
      }
    };

    for (const path of end.identityFiles) useFile(path, true);
    if (end.identityFiles.length === 0 || !end.identitiesOnly) useAgent();
    if (end.identityFiles.length === 0) {
      for (const name of USUAL_FILES) useFile(`${this.#environment.home}/.ssh/${name}`, false);
    }
    return { methods, tried, hindrances };
  }

  #read(path: string): KeyFile {
    const seen = this.#files.get(path);
    if (seen !== undefined) return seen;
    const file = this.#parse(path);
    this.#files.set(path, file);
    return file;
  }

  #parse(path: string): KeyFile {
    let text: string | undefined;
    try {
      text = this.#environment.readFile(path);
    } catch (error) {
      return { kind: 'unusable', why: error instanceof Error ? error.message : String(error) };
    }
    if (text === undefined) return { kind: 'absent' };
    const parsed = first(ssh2.utils.parseKey(text));
    if (!(parsed instanceof Error)) {
      return parsed.isPrivateKey() ? { kind: 'key', key: parsed } : { kind: 'locked', public: parsed };
    }
    if (!/passphrase|encrypted/i.test(parsed.message)) return { kind: 'unusable', why: parsed.message };
    const beside = first(ssh2.utils.parseKey(this.#beside(path) ?? ''));
    return { kind: 'locked', public: beside instanceof Error ? undefined : beside };
  }

  /** The public half, by which the agent knows the key. */
  #beside(path: string): string | undefined {
    try {
      return this.#environment.readFile(`${path}.pub`);
    } catch {
      return undefined;
    }
  }
}

/** ssh2 returns a list for the newer of OpenSSH's formats, whatever its types say. */
const first = (parsed: ParsedKey | Error | ParsedKey[]): ParsedKey | Error =>
  Array.isArray(parsed) ? (parsed[0] ?? new Error('it holds no key')) : parsed;

/** An agent that offers one key of what it has, so that a host's few attempts (MaxAuthTries) are not spent on others. */
function only(agent: BaseAgent, key: ParsedKey): BaseAgent {
  class Chosen extends ssh2.BaseAgent<ParsedKey> {
    override getIdentities(done: IdentityCallback<ParsedKey>): void {
      agent.getIdentities((error, keys) => {
        const mine = (keys ?? []).map((each) =>
          typeof each === 'object' && 'pubKey' in each
            ? new Error('never so from an agent')
            : first(ssh2.utils.parseKey(each)),
        );
        done(
          error,
          mine.filter((each): each is ParsedKey => !(each instanceof Error) && each.equals(key)),
        );
      });
    }
    override sign(
      publicKey: ParsedKey,
      data: Buffer,
      options: SigningRequestOptions | SignCallback,
      done?: SignCallback,
    ): void {
      if (typeof options === 'function') agent.sign(publicKey, data, options);
      else agent.sign(publicKey, data, options, done);
    }
  }
  return new Chosen();
}
