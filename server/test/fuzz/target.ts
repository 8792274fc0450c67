/** What reads a text from outside. */
export interface Target {
  readonly name: string;
  /** Throws nothing but `refuses`. */
  read(text: string): unknown;
  readonly refuses: readonly (abstract new (...words: never) => Error)[];
  /** Texts that it understands. */
  readonly samples: readonly string[];
  /** Around what somebody says in one place of an answer. */
  readonly frames: readonly ((text: string) => string)[];
  /** What makes it work hardest, again and again, in each frame. */
  readonly pieces: readonly string[];
  /** The same without a frame: each makes many things. */
  readonly rows: readonly string[];
  /** No more characters are given to it than this; null: any number. */
  readonly most: number | null;
}

export const AS_IT_IS = (text: string) => text;

export const target = (
  name: string,
  read: (text: string) => unknown,
  more: Partial<Omit<Target, 'name' | 'read'>> = {},
): Target => ({ name, read, refuses: [], samples: [], frames: [AS_IT_IS], pieces: [], rows: [], most: null, ...more });
