import ssh2, {
  type AnyAuthMethod,
  type IdentityCallback,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
} from 'ssh2';
import type { Hop } from './hop.ts';
import type { Identities, Identity } from './identities.ts';

/** sshd drops the connection at this many failures (`MaxAuthTries`), and a ban may follow. */
const MOST_KEYS = 6;

/** Offers keys to one host, one after the other, and can say afterwards why none was enough. */
export class Login {
  readonly #hop: Hop;
  readonly #identities: Identities;
  readonly #offered: string[] = [];
  #methods: readonly string[] = [];
  #accepted: string | undefined;

  constructor(hop: Hop, identities: Identities) {
    this.#hop = hop;
    this.#identities = identities;
  }

  /** The key that the server has taken; undefined as long as it hasn't taken any. */
  get accepted(): string | undefined {
    return this.#accepted;
  }

  /**
   * What to try next; `false` gives up.
   *
   * @param methods `null` at first, then those that the server goes on to accept
   */
  next(methods: readonly string[] | null): AnyAuthMethod | false {
    const username = this.#hop.user;
    // To ask for nothing tells which methods there are, and counts as no failure.
    if (methods === null) return { type: 'none', username };
    this.#methods = methods;
    const identity = this.#identities.offered[this.#offered.length];
    if (this.#accepted !== undefined || !methods.includes('publickey')) return false;
    if (identity === undefined || this.#offered.length === MOST_KEYS) return false;
    this.#offered.push(identity.label);
    return { type: 'agent', username, agent: new SoleIdentity(identity, () => (this.#accepted = identity.label)) };
  }

  /** Why the login failed, for a person. `detail`: the server's own words, if it closed the connection. */
  explain(detail?: string): string {
    const { offered, notes } = this.#identities;
    const unused = offered.length - this.#offered.length;
    const sentences = [`${this.#hop.label} refused the login`];
    const methods = this.#methods.join(', ');
    if (detail !== undefined) sentences.push(`The server said: ${detail}`);
    if (this.#accepted !== undefined) {
      sentences.push(
        `It accepted the key ${this.#accepted}, but wants more: a password or a second factor, which isn't supported` +
          ` yet, or it restricts the account`,
      );
    } else if (this.#methods.length > 0 && !this.#methods.includes('publickey')) {
      sentences.push(
        `It asks for a password or a second factor (${methods}), which isn't supported yet: a key has to do`,
      );
    } else if (offered.length === 0) {
      sentences.push('There is no key to offer: set identity_file, or add a key to the SSH agent with ssh-add');
    } else {
      sentences.push(`It was offered ${this.#offered.join(', ')}${methods === '' ? '' : ` and accepts ${methods}`}`);
      if (unused > 0) sentences.push(`Not tried are ${unused} more: choose one with identity_file`);
    }
    if (notes.length > 0 && this.#accepted === undefined) sentences.push(`Not offered: ${notes.join('; ')}`);
    sentences.push('Nothing more is tried until you ask for it, lest the account gets banned');
    return `${sentences.join('. ')}.`;
  }
}

/**
 * Shows ssh2 a single key as if it were an agent. That is the one method which tells when the server has accepted a
 * key: it then asks for a signature.
 */
class SoleIdentity extends ssh2.BaseAgent<ParsedKey> {
  readonly #identity: Identity;
  readonly #onAccepted: () => void;

  constructor(identity: Identity, onAccepted: () => void) {
    super();
    this.#identity = identity;
    this.#onAccepted = onAccepted;
  }

  override getIdentities(callback: IdentityCallback<ParsedKey>): void {
    callback(null, [this.#identity.publicKey]);
  }

  override sign(
    _key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    callback?: SignCallback,
  ): void {
    this.#onAccepted();
    if (typeof options === 'function') this.#identity.sign(data, {}, options);
    else if (callback) this.#identity.sign(data, options, callback);
  }
}
