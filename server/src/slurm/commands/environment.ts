import { unsetByPrefix } from '../shell.ts';

// Variables of the login's environment silently filter and reformat what Slurm's commands print, or change what they
// do (man squeue, sinfo, sacct, scancel, sbatch: ENVIRONMENT VARIABLES).
export const CLEAN_QUERY = `${unsetByPrefix(['SQUEUE_', 'SINFO_', 'SACCT_', 'SCANCEL_', 'SCONTROL_', 'SLURM_CLUSTERS'])}
SLURM_TIME_FORMAT=%s SLURM_BITSTR_LEN=0 LC_ALL=C
export SLURM_TIME_FORMAT SLURM_BITSTR_LEN LC_ALL`;

// sbatch passes its environment to the job, so nothing is set here.
export const CLEAN_SUBMIT = unsetByPrefix(['SBATCH_', 'SLURM_CLUSTERS']);
