/** Slurm, or the login that leads to it, didn't give an answer: the state of things is unknown. */
export class SlurmUnavailable extends Error {
  override readonly name = 'SlurmUnavailable';
}

/** An answer, or one row of it, that no Slurm gives: nothing is concluded from it. */
export class UnreadableAnswer extends SlurmUnavailable {}
