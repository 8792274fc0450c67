import type { LucideProps } from 'lucide-solid';
import CircleCheck from 'lucide-solid/icons/circle-check';
import KeyRound from 'lucide-solid/icons/key-round';
import LoaderCircle from 'lucide-solid/icons/loader-circle';
import Moon from 'lucide-solid/icons/moon';
import TriangleAlert from 'lucide-solid/icons/triangle-alert';
import Unplug from 'lucide-solid/icons/unplug';
import type { Component, JSX } from 'solid-js';
import type { ClusterStatus } from '../graphql/graphql.ts';
import { CLUSTER_STATUSES } from '../lib/cluster-status.ts';
import { Badge } from './badge.tsx';

const ICONS = {
  CONNECTING: LoaderCircle,
  ONLINE: CircleCheck,
  DEGRADED: TriangleAlert,
  UNREACHABLE: Unplug,
  AUTH_REQUIRED: KeyRound,
  IDLE: Moon,
} as const satisfies Record<ClusterStatus, Component<LucideProps>>;

export function ClusterBadge(props: { readonly status: ClusterStatus }): JSX.Element {
  const description = (): (typeof CLUSTER_STATUSES)[ClusterStatus] => CLUSTER_STATUSES[props.status];
  return (
    <Badge
      tone={description().tone}
      icon={ICONS[props.status]}
      label={description().label}
      title={description().meaning}
    />
  );
}
