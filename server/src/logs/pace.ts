import type { FileTransportKind } from '../ssh/index.ts';

const QUICKEST_MS = { sftp: 120, commands: 1000 } satisfies Record<FileTransportKind, number>;
const SLOWEST_MS = { sftp: 1000, commands: 4000 } satisfies Record<FileTransportKind, number>;
/** What comes after a silence is seen within this part of the silence. */
const PART_OF_SILENCE = 1 / 120;
/** So many looks a second at most on one cluster, however many files are followed there. */
const MOST_LOOKS_A_SECOND = 400;

/**
 * How long to wait until the next look at a file: little while it grows, more the longer it rests. A look costs a
 * request over SFTP, but a process on the login node where there is none.
 *
 * @param silenceMs since it last changed
 * @param fileCount how many are followed on this cluster
 */
export function lookPauseMs(silenceMs: number, fileCount: number, transport: FileTransportKind): number {
  const wanted = Math.min(Math.max(silenceMs * PART_OF_SILENCE, QUICKEST_MS[transport]), SLOWEST_MS[transport]);
  return Math.max(wanted, (fileCount * 1000) / MOST_LOOKS_A_SECOND);
}
