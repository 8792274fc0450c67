import { TURNS } from '../turns/index.ts';

/** For whom the store is read. */
export interface Reader {
  /** Accounts take turns. */
  readonly account: string;
  /** Runs a statement in its turn. Rejects if nothing more is to be read. */
  statement<T>(run: () => Promise<T>): Promise<T>;
  /** Resolves once it has a place that other readers of its account wait for: then it can't wait for them. */
  readonly placed?: Promise<void>;
}

const ACCOUNT = 'server';

/**
 * The server itself, before all accounts: what it reads to submit, poll and write doesn't grow with what clients ask
 * for, and must not wait for it.
 */
export const SERVER: Reader = { account: ACCOUNT, statement: (run) => TURNS.run('server', ACCOUNT, run) };

/** Whoever reads for an account, without limits of its own. `account`: asked at each statement, because it may change. */
export function readerOf(account: () => string): Reader {
  return {
    get account() {
      return account();
    },
    statement: (run) => TURNS.run('new', account(), run),
  };
}
