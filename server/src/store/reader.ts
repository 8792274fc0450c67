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

/** The server itself. */
export const SERVER: Reader = { account: ACCOUNT, statement: (run) => TURNS.run('begun', ACCOUNT, run) };
