import type { ClusterStatus } from '../graphql/graphql.ts';
import type { Tone } from './job-state.ts';

interface StatusDescription {
  readonly label: string;
  readonly tone: Tone;
  /** What the word means, for people who meet it for the first time. */
  readonly meaning: string;
}

export const CLUSTER_STATUSES = {
  CONNECTING: { label: 'Connecting', tone: 'busy', meaning: 'The SSH connection is being made' },
  ONLINE: { label: 'Online', tone: 'good', meaning: 'Reachable, and Slurm answers' },
  DEGRADED: { label: 'Degraded', tone: 'warning', meaning: 'Reachable, but Slurm does not answer' },
  UNREACHABLE: { label: 'Unreachable', tone: 'bad', meaning: 'No SSH connection' },
  AUTH_REQUIRED: {
    label: 'Sign-in needed',
    tone: 'bad',
    meaning: 'Waits for a person to authenticate',
  },
  IDLE: { label: 'Idle', tone: 'neutral', meaning: 'Not connected, and not meant to be' },
} as const satisfies Record<ClusterStatus, StatusDescription>;
