import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { bounded } from '../domain/text.ts';
import { standardError } from './standard-error.ts';

/** The part of pino that the rooms use: fields first, then one sentence. */
export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error'>;

export interface LoggerOptions {
  readonly level: string;
  readonly format: 'pretty' | 'json';
}

/** Writes to standard error: standard output belongs to what was asked for. Logging never throws and never waits. */
export function createLogger({ level, format }: LoggerOptions): Logger & Pick<PinoLogger, 'fatal'> {
  const shown = format === 'pretty' ? prettified() : (line: string) => line;
  standardError.lossText = (lost) => {
    const msg = 'Log entries were lost here: standard error accepted nothing';
    return shown(`${JSON.stringify({ level: pino.levels.values['warn'], time: Date.now(), lost, msg })}\n`);
  };
  const destination: DestinationStream = { write: (line) => standardError.write(shown(line)) };
  return pino({ level, base: null, serializers: { err: loggedError } }, destination);
}

function prettified(): (line: string) => string {
  return prettyFactory({
    // False for NO_COLOR and TERM=dumb as well.
    colorize: process.stderr.isTTY && process.stderr.hasColors(),
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss',
  });
}

/** Of each text of a fault: its message may hold what a cluster or git said, and its stack repeats it. */
const LONGEST_TEXT = 8 * 1024;

/** `thrown`: an error, as a rule; JavaScript throws anything. */
function loggedError(thrown: unknown): unknown {
  const told: unknown = pino.stdSerializers.err(thrown as Error);
  const cut = (value: unknown) => (typeof value === 'string' ? bounded(value, LONGEST_TEXT) : value);
  if (typeof told !== 'object' || told === null) return cut(told);
  return Object.fromEntries(Object.entries(told).map(([name, value]) => [name, cut(value)]));
}
