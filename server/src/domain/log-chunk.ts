/** Why there is no log file of a job that is over. */
export const LOG_ABSENCES = ['NEVER_STARTED', 'NO_FOLDER', 'NO_FILE'] as const;
export type LogAbsence = (typeof LOG_ABSENCES)[number];

/** A part of a log file. Offsets count bytes from the file's beginning. */
export interface LogChunk {
  /** Of the first byte of `text`. */
  readonly startOffset: number;
  /** Of the byte behind the last one of `text`: reading goes on there. */
  readonly endOffset: number;
  readonly text: string;
  /** The file was truncated or replaced: this chunk starts over. */
  readonly isReset: boolean;
  /** No more will come. */
  readonly isComplete: boolean;
  /** Of the last chunk, where there is no file (any more). Null: there is one, or it isn't the last. */
  readonly absence: LogAbsence | null;
  /** Of the last chunk: how long the file was when the job ended. Null: the job left no word of it, or it isn't the last. */
  readonly recordedBytes: number | null;
}

/** What every chunk says that isn't the last. */
export const GOES_ON = { isComplete: false, absence: null, recordedBytes: null } as const satisfies Partial<LogChunk>;
