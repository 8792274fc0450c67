import { SshInterrupted, SshOutputTooLarge } from '../ssh/index.ts';

/** A command that ended after this time was blocked by a directory; one that ended sooner lost its connection. */
const TOO_LONG_MS = 30_000;
/** Those that aren't asked for are forgotten beyond this number. */
const MOST_SUSPECTS = 10_000;
/** A directory that makes a command fail by itself is skipped for this time. */
const LEFT_ALONE_MS = 10 * 60_000;

/**
 * Reads many directories with few commands, although a job can make its own directory block a command or print too
 * much: a group that fails is split into smaller ones, so that no directory delays the others for long.
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
   * now. Other errors of `look` are thrown: then none could be read.
   */
  async ask<T>(
    directories: Iterable<string>,
    look: (directories: readonly string[]) => Promise<ReadonlyMap<string, T>>,
  ): Promise<ReadonlyMap<string, T | Unreadable>> {
    const answers = new Map<string, T | Unreadable>();
    const companies = this.#companies([...new Set(directories)], answers);
    for (let company = companies.pop(); company !== undefined; company = companies.pop()) {
      const startedAt = performance.now();
      try {
        for (const [directory, answer] of await look(company)) {
          answers.set(directory, answer);
          this.#suspects.delete(directory);
        }
        if (company.length === this.#suspectsTogether)
          this.#suspectsTogether = Math.min(this.#most, 2 * company.length);
      } catch (cause) {
        if (cause instanceof SshOutputTooLarge && company.length > 1) {
          companies.push(...halves(company));
        } else if (cause instanceof SshOutputTooLarge) {
          for (const directory of company) answers.set(directory, { unreadable: cause.message });
        } else if (cause instanceof SshInterrupted && performance.now() - startedAt >= TOO_LONG_MS) {
          this.#failed(company);
          // The next one may take as long, so it is read the next time.
          for (const directory of [company, ...companies].flat()) answers.set(directory, { unreadable: cause.message });
          return answers;
        } else throw cause;
      }
    }
    return answers;
  }

  #failed(company: readonly string[]): void {
    const [directory = ''] = company;
    if (company.length === 1) this.#leftAlone.set(directory, performance.now());
    for (const one of company) {
      this.#suspects.delete(one);
      this.#suspects.add(one);
    }
    this.#suspectsTogether = Math.max(1, Math.floor(company.length / 2));
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
