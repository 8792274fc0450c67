import { begunScript, claimsScript, markersScript } from '../commands/records.ts';
import { SlurmUnavailable, UnreadableAnswer } from '../errors.ts';
import { readListing } from '../parse/listing.ts';
import { type LastRecord, lastEnd, readBegun } from '../parse/markers.ts';
import { slurmMessage } from '../parse/messages.ts';
import { inTurns, Pace } from '../parse/turns.ts';
import type { Script } from '../shell.ts';
import type { AttemptPlace, Begun, Claimer, JobRecords, MarkerPlace } from '../slurm.ts';
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
  readonly #claims = new Together(PLACES_A_LOOK);

  constructor(session: Session) {
    this.#session = session;
  }

  async endMarkers(places: readonly MarkerPlace[]): Promise<readonly (LastRecord | Unreadable)[]> {
    return this.#inPlaces(this.#ends, places, async (asked) => {
      return this.#sections(markersScript(asked), 'markers', asked.length, (sections) =>
        sections.map((section) => {
          const listing = readListing(section);
          if (listing === 'gone') return null;
          return 'listed' in listing ? this.#lastRecord(listing.listed) : listing;
        }),
      );
    });
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
      if ('unreadable' in records) return inRecordsOf(workDir, records);
      return (records.get(`${arrayTaskId ?? 'job'}`) ?? 0) >= attempt;
    });
  }

  #lookForBegun(
    directories: readonly string[],
    tasks: ReadonlyMap<string, ReadonlySet<string>>,
  ): Promise<ReadonlyMap<string, BegunOfTasks | 'gone' | Unreadable>> {
    return this.#sections(begunScript(directories), 'begun', directories.length, async (sections) => {
      const pace = new Pace();
      const found = new Map<string, BegunOfTasks | 'gone' | Unreadable>();
      for (const [index, section] of sections.entries()) {
        const directory = directories[index] ?? '';
        found.set(directory, await begunIn(section, tasks.get(directory), pace));
      }
      return found;
    });
  }

  async claimers(places: readonly MarkerPlace[]): Promise<readonly Claimer[]> {
    return this.#inPlaces(this.#claims, places, async (asked) => {
      return this.#sections(claimsScript(asked), 'claim', asked.length, (sections) =>
        sections.map((section, index) => {
          const listing = readListing(section);
          if (listing === 'gone') return null;
          return 'listed' in listing ? claimerIn(listing.listed, asked[index]?.arrayTaskId ?? null) : listing;
        }),
      );
    });
  }

  /** Looks into places, at once into those of one directory, which hangs for all of them. Null: nothing is there. */
  async #inPlaces<T>(
    together: Together,
    places: readonly MarkerPlace[],
    look: (places: readonly MarkerPlace[]) => Promise<readonly (T | Unreadable | null)[]>,
  ): Promise<readonly (T | Unreadable | null)[]> {
    const byDirectory = Map.groupBy(places, ({ workDir }) => workDir);
    const found = new Map<MarkerPlace, T | Unreadable | null>();
    const directories = await together.ask(byDirectory.keys(), async (some) => {
      const asked = some.flatMap((directory) => byDirectory.get(directory) ?? []);
      const answers = await look(asked);
      for (const [index, answer] of answers.entries()) {
        const place = asked[index];
        if (place !== undefined) found.set(place, answer);
      }
      return new Map(some.map((directory) => [directory, null]));
    });
    return places.map((place) => {
      const unreadable = directories.get(place.workDir) ?? null;
      return unreadable === null ? (found.get(place) ?? null) : inRecordsOf(place.workDir, unreadable);
    });
  }

  /** Has what the sections `NAME-0` … of a script print be read. Throws SlurmUnavailable if one is missing. */
  #sections<T>(
    ask: Script,
    name: string,
    count: number,
    read: (sections: readonly string[]) => T | Promise<T>,
  ): Promise<T> {
    return this.#session.runLong(ask, 'markers', ({ stdout, stderr }) => {
      const sections = Array.from({ length: count }, (_, index) => {
        const section = ask.read(stdout, `${name}-${index}`);
        if (section !== null) return section.output;
        throw new SlurmUnavailable(slurmMessage(ask.errors(stderr)) || 'the list of records was cut off');
      });
      return read(sections);
    });
  }
}

function inRecordsOf(workDir: string, { unreadable }: Unreadable): Unreadable {
  return { unreadable: `${workDir}/run: ${unreadable}` };
}

/** A job may make any number of records, which says nothing about other jobs. */
async function begunIn(
  output: string,
  tasks: ReadonlySet<string> | undefined,
  pace: Pace,
): Promise<BegunOfTasks | 'gone' | Unreadable> {
  try {
    const begun = await inTurns(readBegun(output, pace, tasks));
    const listing = readListing(output);
    return listing === 'gone' || 'unreadable' in listing ? listing : begun;
  } catch (cause) {
    if (cause instanceof UnreadableAnswer) return { unreadable: cause.message };
    throw cause;
  }
}

/** A script knows only the number of its array, and its task. */
function claimerIn(output: string, arrayTaskId: number | null): string | null {
  const number = /^\d{1,10}$/m.exec(output)?.[0] ?? null;
  return number === null || arrayTaskId === null ? number : `${number}_${arrayTaskId}`;
}
