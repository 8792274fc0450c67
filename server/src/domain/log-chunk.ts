/** Why a job that is over has no log file. */
export const LOG_ABSENCES = ['NEVER_STARTED', 'NO_FOLDER', 'NO_FILE'] as const;
export type LogAbsence = (typeof LOG_ABSENCES)[number];

/** A part of a log file. Offsets count bytes from the file's beginning. */
export interface LogChunk {
  /** Offset of the first byte of `text`. */
  readonly startOffset: number;
  /** Offset of the first byte after `text`, where reading continues. */
  readonly endOffset: number;
  readonly text: string;
  /** The file was truncated or replaced: this chunk starts over. */
  readonly isReset: boolean;
  /** This is the last chunk. */
  readonly isComplete: boolean;
  /** On the last chunk: why there is no file (any more). Null: there is one, or this is not the last chunk. */
  readonly absence: LogAbsence | null;
  /** On the last chunk: the length of the file when the job ended. Null: the job left no record, or this is not the last chunk. */
  readonly recordedBytes: number | null;
}

/** The fields of every chunk but the last. */
export const GOES_ON = { isComplete: false, absence: null, recordedBytes: null } as const satisfies Partial<LogChunk>;
