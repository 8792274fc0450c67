import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import pretty from 'pino-pretty';

/** The part of pino that the rooms use: fields first, then one sentence. */
export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error'>;

export interface LoggerOptions {
  readonly level: string;
  readonly format: 'pretty' | 'json';
}

/** Writes to standard error: standard output belongs to what was asked for. */
export function createLogger({ level, format }: LoggerOptions): Logger & Pick<PinoLogger, 'fatal'> {
  const destination: DestinationStream =
    format === 'pretty'
      ? pretty({
          destination: 2,
          sync: true,
          // False for NO_COLOR and TERM=dumb as well.
          colorize: process.stderr.isTTY && process.stderr.hasColors(),
          ignore: 'pid,hostname',
          translateTime: 'SYS:HH:MM:ss',
        })
      : pino.destination({ dest: 2, sync: true });
  return pino({ level, base: null }, destination);
}
