import type { DocumentNode, GraphQLError } from 'graphql';
import { requestFault } from '../error-codes.ts';
import { type Excess, excessInAll, excessOfAccount } from '../shares.ts';

/** The limits of open subscriptions: far above what a lab has open. */
export const OPEN_SUBSCRIPTIONS = {
  inAll: 20_000,
  ofAccount: 10_000,
  /** Tokens of their documents, each about a hundred bytes; equal documents count once. */
  tokensInAll: 400_000,
  tokensOfAccount: 200_000,
  /** Of their documents and variables. */
  charactersInAll: 32 * 1024 ** 2,
  charactersOfAccount: 16 * 1024 ** 2,
} as const;

export interface NewSubscription {
  readonly account: string;
  readonly query: string;
  readonly document: DocumentNode;
  /** Of its document and variables. */
  readonly characters: number;
}

/** A subscription that may be open, until it is released, or why it may not. */
export type Opened =
  | { readonly fault: GraphQLError }
  | (Disposable & { readonly fault: null /** Equal texts have one document. */; readonly document: DocumentNode });

/** All open subscriptions, and the size of their documents and variables, in total and for each account. */
export class OpenSubscriptions {
  readonly #all = new Share(
    {
      subscriptions: OPEN_SUBSCRIPTIONS.inAll,
      tokens: OPEN_SUBSCRIPTIONS.tokensInAll,
      characters: OPEN_SUBSCRIPTIONS.charactersInAll,
    },
    excessInAll,
  );
  readonly #accounts = new Map<string, Share>();
  /** Documents in use. The cache of `readDocument` may drop them earlier. */
  readonly #documents = new Map<string, DocumentNode>();

  get size(): number {
    return this.#all.size;
  }

  open({ account, query, document: read, characters }: NewSubscription): Opened {
    const document = this.#documents.get(query) ?? read;
    const own = this.#accounts.get(account) ?? ofAccount();
    const excess = own.excess(document, characters) ?? this.#all.excess(document, characters);
    if (excess !== null) return { fault: requestFault(excess.code, excess.message) };
    this.#accounts.set(account, own);
    this.#documents.set(query, document);
    for (const share of [own, this.#all]) share.add(document, characters);
    let isOpen = true;
    return {
      fault: null,
      document,
      [Symbol.dispose]: () => {
        if (!isOpen) return;
        isOpen = false;
        for (const share of [own, this.#all]) share.remove(document, characters);
        if (own.size === 0) this.#accounts.delete(account);
        if (!this.#all.uses(document)) this.#documents.delete(query);
      },
    };
  }
}

function ofAccount(): Share {
  const limits = {
    subscriptions: OPEN_SUBSCRIPTIONS.ofAccount,
    tokens: OPEN_SUBSCRIPTIONS.tokensOfAccount,
    characters: OPEN_SUBSCRIPTIONS.charactersOfAccount,
  };
  return new Share(limits, excessOfAccount);
}

interface Limits {
  readonly subscriptions: number;
  readonly tokens: number;
  readonly characters: number;
}

class Share {
  readonly #limits: Limits;
  readonly #excess: (most: string) => Excess;
  /** How many subscriptions there are of each document. */
  readonly #documents = new Map<DocumentNode, number>();
  #size = 0;
  #tokens = 0;
  #characters = 0;

  constructor(limits: Limits, excess: (most: string) => Excess) {
    this.#limits = limits;
    this.#excess = excess;
  }

  get size(): number {
    return this.#size;
  }

  uses(document: DocumentNode): boolean {
    return this.#documents.has(document);
  }

  /** Null: one more may be open. */
  excess(document: DocumentNode, characters: number): Excess | null {
    const { subscriptions, tokens, characters: mostCharacters } = this.#limits;
    if (this.#size >= subscriptions) return this.#excess(`${subscriptions} subscriptions`);
    if (!this.uses(document) && this.#tokens + tokensOf(document) > tokens) {
      return this.#excess(`subscriptions whose documents have ${tokens} words, equal documents counted once`);
    }
    if (this.#characters + characters > mostCharacters) {
      return this.#excess(`subscriptions whose documents and variables have ${mostCharacters} characters`);
    }
    return null;
  }

  add(document: DocumentNode, characters: number): void {
    if (!this.uses(document)) this.#tokens += tokensOf(document);
    this.#documents.set(document, (this.#documents.get(document) ?? 0) + 1);
    this.#size += 1;
    this.#characters += characters;
  }

  remove(document: DocumentNode, characters: number): void {
    const others = (this.#documents.get(document) ?? 1) - 1;
    if (others > 0) this.#documents.set(document, others);
    else {
      this.#documents.delete(document);
      this.#tokens -= tokensOf(document);
    }
    this.#size -= 1;
    this.#characters -= characters;
  }
}

const tokensOf = ({ tokenCount = 0 }: DocumentNode) => tokenCount;
