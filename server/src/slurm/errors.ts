/** Slurm, or the login that leads to it, didn't answer: nothing is known. */
export class SlurmUnavailable extends Error {
  override readonly name = 'SlurmUnavailable';
}

/** An answer, or a row of one, that Slurm can't produce: nothing is concluded from it. */
export class UnreadableAnswer extends SlurmUnavailable {}
