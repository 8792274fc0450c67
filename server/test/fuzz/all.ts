import type { Fuzzed } from './fuzz.ts';
import { OPERATIONS } from './operations.ts';
import { PIECES } from './pieces.ts';
import { ROUND_TRIPS } from './round-trips.ts';
import { SFTP } from './sftp.ts';
import { TEXTS } from './texts.ts';
import { MESSAGES } from './websocket.ts';

/** Everything that takes what others send. */
export const ALL: readonly Fuzzed[] = [...TEXTS, ...ROUND_TRIPS, ...PIECES, OPERATIONS, MESSAGES, SFTP];
