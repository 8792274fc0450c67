import type { FileTransportKind } from '../ssh/index.ts';

const QUICKEST_MS = { sftp: 120, commands: 1000 } satisfies Record<FileTransportKind, number>;
const SLOWEST_MS = { sftp: 1000, commands: 4000 } satisfies Record<FileTransportKind, number>;
/** Growth after a silence is seen within this fraction of the silence. */
const PART_OF_SILENCE = 1 / 120;
/** The most status requests a second on one cluster, however many files are followed. */
const MOST_LOOKS_A_SECOND = 400;

/**
 * How long to wait until the next status of a file: short while it grows, longer the longer it doesn't. A status costs
 * one SFTP request, or a process on the login node without SFTP.
 *
 * @param silenceMs since it last changed
 * @param fileCount how many are followed on this cluster
 */
export function lookPauseMs(silenceMs: number, fileCount: number, transport: FileTransportKind): number {
  const wanted = Math.min(Math.max(silenceMs * PART_OF_SILENCE, QUICKEST_MS[transport]), SLOWEST_MS[transport]);
  return Math.max(wanted, (fileCount * 1000) / MOST_LOOKS_A_SECOND);
}
