import { TURNS } from '../turns/index.ts';

/** On whose behalf the store is read. */
export interface Reader {
  /** Runs a statement in its turn. Rejects if nothing more is to be read. */
  statement<T>(run: () => Promise<T>): Promise<T>;
  /** Resolves once it has something that others wait for. From then on it waits for no other reader. */
  readonly placed?: Promise<void>;
}

/** The server itself. */
export const SERVER: Reader = { statement: (run) => TURNS.run('begun', 'server', run) };
