import { begunScript, claimScript, markersScript, RECORDS_GONE } from '../commands/records.ts';
import { SlurmUnavailable, UnreadableAnswer } from '../errors.ts';
import { type LastRecord, lastEnd, readBegun } from '../parse/markers.ts';
import { slurmMessage } from '../parse/messages.ts';
import { inTurns, Pace } from '../parse/turns.ts';
import type { AttemptPlace, Begun, JobRecords, MarkerPlace } from '../slurm.ts';
import { Together, type Unreadable } from '../together.ts';
import type { Session } from './session.ts';

/** More would make one script too long. */
const PLACES_A_LOOK = 200;

/** The last attempt whose command has begun, by task, or of the job. */
type BegunOfTasks = ReadonlyMap<string, number>;

export class DirectoryRecords implements JobRecords {
  readonly #session: Session;
  readonly #ends = new Together(PLACES_A_LOOK);
  readonly #begun = new Together(PLACES_A_LOOK);

  constructor(session: Session) {
    this.#session = session;
  }

  async endMarkers(places: readonly MarkerPlace[]): Promise<readonly (LastRecord | Unreadable)[]> {
    // Each task of an array has records of its own.
    const byKey = new Map(places.map((place) => [`${place.workDir}/${place.arrayTaskId ?? 'job'}`, place]));
    const ends = await this.#ends.ask(byKey.keys(), async (keys) => {
      const asked = keys.flatMap((key) => byKey.get(key) ?? []);
      const sections = asked.map((_place, index) => `markers-${index}`);
      const texts = await this.#session.query(markersScript(asked), sections, 'markers');
      return new Map(keys.map((key, index) => [key, this.#lastRecord(texts[index] ?? '')]));
    });
    return places.map(({ workDir, arrayTaskId }) => ends.get(`${workDir}/${arrayTaskId ?? 'job'}`) ?? null);
  }

  /** A job may write anything into its own record: an unreadable one is no end, and says nothing about other jobs. */
  #lastRecord(text: string): LastRecord {
    try {
      return lastEnd(text, this.#session.clock);
    } catch (cause) {
      if (cause instanceof UnreadableAnswer) return 'begun';
      throw cause;
    }
  }

  async hasBegun(attempts: readonly AttemptPlace[]): Promise<readonly Begun[]> {
    const tasks = new Map<string, Set<string>>();
    for (const { workDir, arrayTaskId } of attempts) {
      const known = tasks.get(workDir) ?? new Set();
      tasks.set(workDir, known.add(`${arrayTaskId ?? 'job'}`));
    }
    const begun = await this.#begun.ask(tasks.keys(), (directories) => this.#lookForBegun(directories, tasks));
    return attempts.map(({ workDir, arrayTaskId, attempt }) => {
      const records = begun.get(workDir) ?? 'gone';
      if (records === 'gone') return records;
      if ('unreadable' in records) return { unreadable: `${workDir}/run: ${records.unreadable}` };
      return (records.get(`${arrayTaskId ?? 'job'}`) ?? 0) >= attempt;
    });
  }

  async #lookForBegun(
    directories: readonly string[],
    tasks: ReadonlyMap<string, ReadonlySet<string>>,
  ): Promise<ReadonlyMap<string, BegunOfTasks | 'gone' | Unreadable>> {
    const ask = begunScript(directories);
    const { stdout, stderr } = await this.#session.runLong(ask, 'markers');
    const pace = new Pace();
    const found = new Map<string, BegunOfTasks | 'gone' | Unreadable>();
    for (const [index, directory] of directories.entries()) {
      const section = ask.read(stdout, `begun-${index}`);
      if (section === null) {
        throw new SlurmUnavailable(slurmMessage(ask.errors(stderr)) || 'the list of what has begun was cut off');
      }
      if (section.exitCode === 0) found.set(directory, await begunIn(section.output, tasks.get(directory), pace));
      else if (section.exitCode === RECORDS_GONE) found.set(directory, 'gone');
      else found.set(directory, { unreadable: slurmMessage(section.output) });
    }
    return found;
  }

  async claimer(workDir: string, arrayTaskId: number | null): Promise<string | null> {
    const [claim = ''] = await this.#session.query(claimScript(workDir, arrayTaskId), ['claim'], 'markers');
    const number = /^\d{1,10}$/m.exec(claim)?.[0] ?? null;
    return number === null || arrayTaskId === null ? number : `${number}_${arrayTaskId}`;
  }
}

/** A job may make any number of records, which says nothing about other jobs. */
async function begunIn(
  output: string,
  tasks: ReadonlySet<string> | undefined,
  pace: Pace,
): Promise<BegunOfTasks | Unreadable> {
  try {
    return await inTurns(readBegun(output, pace, tasks));
  } catch (cause) {
    if (cause instanceof UnreadableAnswer) return { unreadable: cause.message };
    throw cause;
  }
}
