import { Places } from './places.ts';

/** Of bytes, so many take seconds to send, to write or to read. */
const LARGE_BYTES = 16 * 1024 * 1024;
/** And so many files, however small, to unpack: on a network disk, some hundred a second. */
const LARGE_FILES = 2000;

/** Whether so much takes long. */
export function isLarge(sizeBytes: number, files = 0): boolean {
  return sizeBytes > LARGE_BYTES || files > LARGE_FILES;
}

interface LaneCounts {
  readonly small: number;
  readonly large: number;
  readonly keptForOthers?: number;
}

/**
 * Work on files side by side, so many at a time: what is small never waits for what is large. Projects take turns, so that
 * one with many jobs keeps no other waiting for more than what is under way.
 */
export class Lanes {
  readonly #small: Places;
  readonly #large: Places;

  /** `keptForOthers`: of each, so many are for projects that have none. */
  constructor({ small, large, keptForOthers = 0 }: LaneCounts) {
    this.#small = new Places({ ofOwner: small, inAll: small, keptForOthers });
    this.#large = new Places({ ofOwner: large, inAll: large, keptForOthers });
  }

  /** In its project's turn, and there in the order of these calls. */
  run<T>(project: string, isLong: boolean, work: () => Promise<T>): Promise<T> {
    return (isLong ? this.#large : this.#small).run(project, work);
  }
}
