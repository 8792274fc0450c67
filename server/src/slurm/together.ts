import { asError } from '../domain/thrown.ts';
import { SshOutputTooLarge, SshUnavailable } from '../ssh/index.ts';

/** Commands that fail take no more time than this in one look: what is left is read the next time. */
const TOO_LONG_MS = 30_000;
/** Those that aren't asked for are forgotten beyond this number. */
const MOST_SUSPECTS = 10_000;
/** A directory that makes a command fail by itself is skipped for this time. */
const LEFT_ALONE_MS = 10 * 60_000;

/**
 * Reads many directories with few commands, although a job can make its own directory block a command, print too much, or
 * have the login's shell killed: a group that fails is split into smaller ones, so that no directory delays the others for
 * long.
 */
export class Together {
  readonly #most: number;
  /** The directories of commands that took too long, the last one last, and how many of them are read together. */
  readonly #suspects = new Set<string>();
  #suspectsTogether = 1;
  /** When a directory failed alone, on the monotonic clock. */
  readonly #leftAlone = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * `look` takes directories and returns what it found in each. The answer has that, or why a directory can't be read
   * now. Throws the first error of `look` if nothing could be read, and SshUnavailable always: then no directory is to
   * blame.
   */
  async ask<T>(
    directories: Iterable<string>,
    look: (directories: readonly string[]) => Promise<ReadonlyMap<string, T>>,
  ): Promise<ReadonlyMap<string, T | Unreadable>> {
    const answers = new Map<string, T | Unreadable>();
    const companies = this.#companies([...new Set(directories)], answers);
    /** Those that failed alone, after which no other command has succeeded yet. */
    let doubted: string[] = [];
    let firstFault: unknown = null;
    let isAnswered = companies.length === 0;
    let lostMs = 0;
    for (let company = companies.pop(); company !== undefined; company = companies.pop()) {
      const startedAt = performance.now();
      try {
        for (const [directory, answer] of await look(company)) {
          answers.set(directory, answer);
          this.#suspects.delete(directory);
        }
        isAnswered = true;
        // It was them, and not the connection.
        for (const directory of doubted) this.#leftAlone.set(directory, performance.now());
        doubted = [];
        if (company.length === this.#suspectsTogether)
          this.#suspectsTogether = Math.min(this.#most, 2 * company.length);
      } catch (cause) {
        if (cause instanceof SshUnavailable) throw cause;
        const { message } = asError(cause);
        if (cause instanceof SshOutputTooLarge) {
          isAnswered = true;
          if (company.length > 1) companies.push(...halves(company));
          else for (const directory of company) answers.set(directory, { unreadable: message });
          continue;
        }
        const tookMs = performance.now() - startedAt;
        lostMs += tookMs;
        if (lostMs >= TOO_LONG_MS) {
          if (tookMs >= TOO_LONG_MS) isAnswered = true;
          this.#failed(company);
          // The next one may take as long, so it is read the next time.
          for (const directory of [company, ...companies].flat()) answers.set(directory, { unreadable: message });
          companies.length = 0;
        } else if (company.length > 1) {
          companies.push(...halves(company));
        } else {
          for (const directory of company) answers.set(directory, { unreadable: message });
          doubted.push(...company);
          this.#suspect(company);
        }
        firstFault ??= cause;
      }
    }
    if (!isAnswered) throw firstFault;
    return answers;
  }

  #failed(company: readonly string[]): void {
    const [directory = ''] = company;
    if (company.length === 1) this.#leftAlone.set(directory, performance.now());
    this.#suspect(company);
    this.#suspectsTogether = Math.max(1, Math.floor(company.length / 2));
  }

  #suspect(company: readonly string[]): void {
    for (const one of company) {
      this.#suspects.delete(one);
      this.#suspects.add(one);
    }
  }

  /**
   * Groups of directories; the last is read first. Suspects come after all others, and among them last those whose
   * command was the last to take too long.
   */
  #companies(directories: readonly string[], answers: Map<string, Unreadable | unknown>): (readonly string[])[] {
    for (const [directory, since] of this.#leftAlone) {
      if (performance.now() - since >= LEFT_ALONE_MS) this.#leftAlone.delete(directory);
    }
    const asked = directories.filter((directory) => !this.#leftAlone.has(directory));
    for (const directory of directories) {
      if (this.#leftAlone.has(directory))
        answers.set(directory, { unreadable: 'it could not be read a few minutes ago' });
    }
    const wanted = new Set(asked);
    if (this.#suspects.size > MOST_SUSPECTS) {
      for (const suspect of this.#suspects) if (!wanted.has(suspect)) this.#suspects.delete(suspect);
    }
    const suspects = [...this.#suspects].filter((directory) => wanted.has(directory));
    return [
      ...inCompanies(suspects.reverse(), this.#suspectsTogether),
      ...inCompanies(
        asked.filter((directory) => !this.#suspects.has(directory)),
        this.#most,
      ),
    ];
  }
}

export interface Unreadable {
  readonly unreadable: string;
}

/** Groups of what is asked for together. */
export function inCompanies(all: readonly string[], size: number): (readonly string[])[] {
  const companies: (readonly string[])[] = [];
  for (let start = 0; start < all.length; start += size) companies.push(all.slice(start, start + size));
  return companies;
}

/** The groups to ask for instead of one whose answer is too large. */
export function halves(company: readonly string[]): (readonly string[])[] {
  return inCompanies(company, Math.ceil(company.length / 2));
}
