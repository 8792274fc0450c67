import ssh2, {
  type AnyAuthMethod,
  type IdentityCallback,
  type KeyboardInteractiveAuthMethod,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
} from 'ssh2';
import { bounded } from '../../domain/text.ts';
import { type DialFailure, refused, refusedForNow, unreachable } from './failure.ts';
import type { Hop } from './hop.ts';
import type { Identities, Identity } from './identities.ts';
import { explainedBy, type NotFollowed } from './not-followed.ts';
import { type AskPerson, isTooMuch, type LoginPromptLine, presentable } from './question.ts';

/** sshd drops the connection at this many failures (`MaxAuthTries`), and a ban may follow. */
const MOST_KEYS = 6;
/** How many wrong answers a person may give at one host, as in OpenSSH (`NumberOfPasswordPrompts`). */
const MOST_WRONG_ANSWERS = 3;

/** Of the server's messages, the end is kept. */
const LONGEST_WORDS = 400;
const MOST_BANNERS = 8;

/** What a login needs from its connection. */
export interface LoginConversation {
  /** Null: no person can be asked. */
  readonly ask: AskPerson | null;
  /** Called when the server is likely to end the login soon. */
  readonly expiresAt: Date;
  /** Ends the connection: the login can't go on. */
  readonly giveUp: (reason: Error) => void;
}

/**
 * Logs in to one host: offers keys, one after the other, then shows a person what the server asks. Afterwards it can
 * say why the login failed.
 */
export class Login {
  readonly #hop: Hop;
  readonly #identities: Identities;
  readonly #conversation: LoginConversation;
  readonly #offered: string[] = [];
  #methods: readonly string[] = [];
  #accepted: Identity | undefined;
  #current: 'none' | 'key' | 'keyboard-interactive' | 'password' = 'none';
  #isKeyboardUseless = false;
  /** Whether a person has answered a prompt of the current method. */
  #isAnswered = false;
  #wrongAnswers = 0;
  #hasAsked = false;
  readonly #banners: string[] = [];
  /** The last method ended with wrong answers, and nothing has been asked since. */
  #isRepeating = false;

  constructor(hop: Hop, identities: Identities, conversation: LoginConversation) {
    this.#hop = hop;
    this.#identities = identities;
    this.#conversation = conversation;
  }

  /** The key that the server has accepted; undefined: none yet. */
  get accepted(): Identity | undefined {
    return this.#accepted;
  }

  /** The server's banner, such as a notice of maintenance. */
  heard(banner: string): void {
    this.#banners.push(presentable(banner));
    // A server may send any number of them.
    if (this.#banners.length > MOST_BANNERS) this.#banners.shift();
  }

  /** Why the login failed; it may be temporary unless a person was asked. */
  refusal(cause: unknown, detail?: string): DialFailure {
    const why = this.#explain(detail);
    const message = `${why} Nothing more is tried until you ask for it, so that the account does not get banned.`;
    return this.#hasAsked ? refused(message, cause) : refusedForNow(message, why, cause);
  }

  /**
   * Passes to `proceed` what to try next; `false` gives up.
   *
   * @param methods `null` at first, then those that the server goes on to accept
   * @param isPartial whether the last one succeeded and another is required
   */
  next(
    methods: readonly string[] | null,
    isPartial: boolean | null,
    proceed: (method: AnyAuthMethod | false) => void,
  ): void {
    const username = this.#hop.user;
    if (methods === null) {
      // The method "none" lists the methods, and doesn't count as a failure.
      proceed({ type: 'none', username });
      return;
    }
    this.#heed(methods, isPartial === true);
    const identity = this.#nextIdentity();
    if (identity !== undefined) {
      this.#current = 'key';
      this.#offered.push(identity.label);
      proceed({ type: 'agent', username, agent: new SoleIdentity(identity, (times) => this.#accept(identity, times)) });
    } else if (this.#conversation.ask === null || this.#wrongAnswers >= MOST_WRONG_ANSWERS) {
      proceed(false);
    } else if (this.#takes('keyboard-interactive') && !this.#isKeyboardUseless) {
      this.#current = 'keyboard-interactive';
      proceed(this.#keyboardInteractive());
    } else if (this.#methods.includes('password')) {
      this.#current = 'password';
      void this.#password().then(proceed, this.#conversation.giveUp);
    } else {
      proceed(false);
    }
  }

  /** The server has accepted a key for so many times now, and each time a signature by it is due. */
  #accept(identity: Identity, times: number): void {
    this.#accepted = identity;
    if (times === 1) return;
    const { label } = this.#hop;
    this.#conversation.giveUp(
      unreachable(`${label} accepts ${identity.label} over and over, and wants another signature each time`),
    );
  }

  /** Learns from the server's answer to the last method. */
  #heed(methods: readonly string[], isPartial: boolean): void {
    const last = this.#current;
    // ssh2 forgets the server's answer to an agent's key: the methods are those from before it.
    if (last !== 'key') this.#methods = methods;
    if (last !== 'keyboard-interactive' && last !== 'password') return;
    if (isPartial) this.#wrongAnswers = 0;
    else if (this.#isAnswered) this.#countWrongAnswers();
    else if (last === 'keyboard-interactive') this.#isKeyboardUseless = true;
    this.#isAnswered = false;
  }

  #countWrongAnswers(): void {
    this.#wrongAnswers += 1;
    this.#isRepeating = true;
  }

  /** The next method after an accepted key that was not enough: most likely a second factor. */
  #takes(method: string): boolean {
    return this.#methods.includes(method) || (this.#current === 'key' && this.#accepted !== undefined);
  }

  #nextIdentity(): Identity | undefined {
    if (this.#accepted !== undefined || !this.#methods.includes('publickey')) return undefined;
    return this.#offered.length === MOST_KEYS ? undefined : this.#identities.offered[this.#offered.length];
  }

  #keyboardInteractive(): KeyboardInteractiveAuthMethod {
    return {
      type: 'keyboard-interactive',
      username: this.#hop.user,
      prompt: (name, instruction, _language, prompts, finish) => {
        if (isTooMuch(prompts)) {
          this.#conversation.giveUp(refused(`${this.#hop.label} asks ${prompts.length} things at once`));
          return;
        }
        // OpenSSH's default is to hide the answer.
        const lines = prompts.map(({ prompt, echo }) => ({ text: presentable(prompt), isSecret: echo !== true }));
        this.#ask(presentable(name), presentable(instruction), lines)
          .then((answers) => finish([...answers]))
          .catch(this.#conversation.giveUp);
      },
    };
  }

  async #password(): Promise<AnyAuthMethod> {
    // The server sends no text for this prompt: this is OpenSSH's.
    const [password = ''] = await this.#ask('', '', [{ text: `${this.#hop.label}'s password:`, isSecret: true }]);
    return { type: 'password', username: this.#hop.user, password };
  }

  async #ask(name: string, instruction: string, prompts: readonly LoginPromptLine[]): Promise<readonly string[]> {
    const { ask, expiresAt } = this.#conversation;
    if (ask === null) throw refused(`${this.#hop.label} asks for something that only a person can give`);
    const isRepeated = this.#isRepeating;
    this.#isRepeating = false;
    this.#hasAsked = true;
    const answers = await ask({ host: this.#hop.label, name, instruction, prompts, isRepeated, expiresAt });
    this.#isAnswered = true;
    return answers;
  }

  /** Systems often allow by default methods that their server doesn't offer. */
  #notFollowed(): readonly NotFollowed[] {
    const isOffered = (word: string) => this.#methods.some((method) => method.startsWith(word));
    return this.#hop.notFollowed.filter(
      ({ text }) =>
        !(text.includes(': GSSAPIAuthentication') && !isOffered('gssapi')) &&
        !(text.includes(': HostbasedAuthentication') && !isOffered('hostbased')),
    );
  }

  /** Why the login failed, for a person. `detail`: the server's own words, if it closed the connection. */
  #explain(detail?: string): string {
    const { offered, notes } = this.#identities;
    const unused = offered.length - this.#offered.length;
    const sentences = [`${this.#hop.label} refused the login`];
    const methods = bounded(this.#methods.join(', '), LONGEST_WORDS);
    // The connection may have ended before the last answer was judged.
    const wrongAnswers = this.#wrongAnswers + (this.#isAnswered ? 1 : 0);
    const said = [...this.#banners, ...(detail === undefined ? [] : [detail])].filter(Boolean).join(' ');
    if (said !== '')
      sentences.push(`The server said: ${bounded(said, LONGEST_WORDS, { keep: 'end' }).replace(/\.$/, '')}`);
    if (wrongAnswers > 0) {
      sentences.push(
        `It did not accept the answers that were given, ${wrongAnswers === 1 ? 'once' : `${wrongAnswers} times`}`,
      );
    }
    if (this.#accepted !== undefined) {
      if (wrongAnswers === 0) {
        sentences.push(
          `It accepted the key ${this.#accepted.label}, but wants more that can't be given here (${methods}), or it restricts` +
            ' the account',
        );
      }
    } else if (this.#methods.length > 0 && !this.#methods.includes('publickey')) {
      if (wrongAnswers === 0) sentences.push(`It accepts no key, and nothing else that can be given here (${methods})`);
    } else if (offered.length === 0) {
      sentences.push('There is no key to offer: set identity_file, or add a key to the SSH agent with ssh-add');
    } else {
      sentences.push(`It was offered ${this.#offered.join(', ')}${methods === '' ? '' : ` and accepts ${methods}`}`);
      if (unused > 0) sentences.push(`Not tried are ${unused} more: choose one with identity_file`);
    }
    if (notes.length > 0 && this.#accepted === undefined) sentences.push(`Not offered: ${notes.join('; ')}`);
    return `${sentences.join('. ')}.${explainedBy(this.#notFollowed(), 'login')}`;
  }
}

/**
 * Presents a single key to ssh2 as an agent. Only that method shows that the server has accepted a key: it then asks
 * for a signature.
 */
class SoleIdentity extends ssh2.BaseAgent<ParsedKey> {
  readonly #identity: Identity;
  readonly #onAccepted: (times: number) => void;
  #signatures = 0;

  /** It signs once, however often it is accepted: a signature takes time, and an agent may ask a person for each. */
  constructor(identity: Identity, onAccepted: (times: number) => void) {
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
    this.#signatures += 1;
    this.#onAccepted(this.#signatures);
    if (this.#signatures > 1) return;
    if (typeof options === 'function') this.#identity.sign(data, {}, options);
    else if (callback) this.#identity.sign(data, options, callback);
  }
}
