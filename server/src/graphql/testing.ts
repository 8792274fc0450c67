import { OperationTypeNode } from 'graphql';
import { Turns } from '../turns/index.ts';
import type { OperationOptions } from './context.ts';
import { Gate } from './gate.ts';
import { LogSearches } from './job/log-searches.ts';
import { JobWaits } from './job/wait.ts';

/** What a small query runs with that has the server to itself. */
export function alone(): OperationOptions {
  return {
    waits: new JobWaits(),
    searches: new LogSearches(),
    turns: new Turns(),
    gate: new Gate(),
    scale: { kind: OperationTypeNode.QUERY, isLarge: false },
    account: 'ada',
    signal: new AbortController().signal,
  };
}
