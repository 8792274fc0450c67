/** The source of a job's state. */
const EVIDENCE_SOURCES = ['SBATCH', 'SQUEUE', 'SACCT', 'MARKER', 'ABSENCE'] as const;
export type EvidenceSource = (typeof EVIDENCE_SOURCES)[number];

/** Why a job is in the state that it is in. */
export interface JobEvidence {
  readonly source: EvidenceSource;
  /** Slurm's own word for the state; null where the source has none. */
  readonly word: string | null;
  /** When it was first seen so, by this server's clock. */
  readonly seenAt: Date;
}
