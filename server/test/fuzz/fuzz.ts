import { inspect } from 'node:util';
import fc from 'fast-check';
import { corpusOf } from './corpus.ts';

/** Something that takes what others send, and what has to hold whatever they send. */
export interface Fuzzed<Input = unknown> {
  readonly name: string;
  /** How much of the time it gets, where most get 1: what it tries takes longer. */
  readonly share: number;
  /** Inputs to try in one go; a fault in one of them is searched for the smallest. */
  readonly batch: number;
  open(): Promise<Trial<Input>>;
}

/** Inputs are JSON, so that they can be kept. */
export interface Trial<Input> extends AsyncDisposable {
  readonly inputs: fc.Arbitrary<Input>;
  /** Throws where something doesn't hold. */
  check(input: Input): Promise<void>;
}

/** `open` of what needs nothing opened. */
export function trial<Input>(inputs: fc.Arbitrary<Input>, check: (input: Input) => void): () => Promise<Trial<Input>> {
  return async () => ({ inputs, check: async (input) => check(input), [Symbol.asyncDispose]: async () => {} });
}

export interface Budget {
  readonly seconds: number;
  /** Of the first batch; each further one has the next. */
  readonly seed: number;
}

export interface Finding {
  readonly name: string;
  /** The smallest that was found, or the one of the corpus. */
  readonly input: unknown;
  /** Of the batch in which it came; null: it is one of the corpus. */
  readonly seed: number | null;
  readonly cause: unknown;
}

export interface Outcome {
  readonly tried: number;
  /** Null: all held. */
  readonly finding: Finding | null;
}

/** So long the smallest input is looked for that does the same. */
const SHRINKING_MS = 60_000;

/** Tries the corpus, then one batch, and further ones for as long as there is time. */
export async function fuzz(target: Fuzzed, { seconds, seed: first }: Budget): Promise<Outcome> {
  const { name, batch } = target;
  await using attack = await target.open();
  const end = performance.now() + seconds * 1000;
  let tried = 0;
  for (const input of corpusOf(name)) {
    tried += 1;
    try {
      await attack.check(input);
    } catch (cause) {
      return { tried, finding: { name, input, seed: null, cause } };
    }
  }
  const property = fc.asyncProperty(attack.inputs, (input) => attack.check(input));
  for (let seed = first; seed === first || performance.now() < end; seed += 1) {
    const result = await fc.check(property, {
      ...{ seed, numRuns: batch, interruptAfterTimeLimit: SHRINKING_MS, markInterruptAsFailure: false },
    });
    tried += result.numRuns;
    if (result.failed) {
      return { tried, finding: { name, input: result.counterexample?.[0], seed, cause: result.errorInstance } };
    }
  }
  return { tried, finding: null };
}

/** What went wrong, and how to see it again. */
export function findingText({ name, input, seed, cause }: Finding): string {
  const again = seed === null ? 'it is one of the corpus' : `npm run fuzz -- ${JSON.stringify(name)} --seed ${seed}`;
  return `${name}: ${JSON.stringify(input)}\n${inspect(cause)}\nAgain: ${again}`;
}
