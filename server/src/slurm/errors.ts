/** Slurm, or the login that leads to it, didn't give an answer: the state of things is unknown. */
export class SlurmUnavailable extends Error {
  override readonly name = 'SlurmUnavailable';
}
