import type { LucideProps } from 'lucide-solid';
import AlarmClockOff from 'lucide-solid/icons/alarm-clock-off';
import Ban from 'lucide-solid/icons/ban';
import CalendarX from 'lucide-solid/icons/calendar-x';
import CircleAlert from 'lucide-solid/icons/circle-alert';
import CircleCheck from 'lucide-solid/icons/circle-check';
import CircleMinus from 'lucide-solid/icons/circle-minus';
import CirclePause from 'lucide-solid/icons/circle-pause';
import CirclePlay from 'lucide-solid/icons/circle-play';
import CircleQuestionMark from 'lucide-solid/icons/circle-question-mark';
import CircleX from 'lucide-solid/icons/circle-x';
import Clock from 'lucide-solid/icons/clock';
import Hand from 'lucide-solid/icons/hand';
import Hourglass from 'lucide-solid/icons/hourglass';
import MemoryStick from 'lucide-solid/icons/memory-stick';
import PowerOff from 'lucide-solid/icons/power-off';
import ServerCog from 'lucide-solid/icons/server-cog';
import ServerCrash from 'lucide-solid/icons/server-crash';
import Shuffle from 'lucide-solid/icons/shuffle';
import Undo from 'lucide-solid/icons/undo-2';
import Upload from 'lucide-solid/icons/upload';
import type { Component, JSX } from 'solid-js';
import type { JobState } from '../graphql/graphql.ts';
import { JOB_STATES } from '../lib/job-state.ts';
import { Badge } from './badge.tsx';

const ICONS = {
  SUBMITTING: Upload,
  SUBMIT_FAILED: CircleAlert,
  PENDING: Clock,
  HELD: Hand,
  CONFIGURING: ServerCog,
  RUNNING: CirclePlay,
  SUSPENDED: CirclePause,
  COMPLETING: Hourglass,
  CANCELLING: CircleMinus,
  COMPLETED: CircleCheck,
  FAILED: CircleX,
  CANCELLED: Ban,
  TIMEOUT: AlarmClockOff,
  OUT_OF_MEMORY: MemoryStick,
  NODE_FAIL: ServerCrash,
  BOOT_FAIL: PowerOff,
  PREEMPTED: Shuffle,
  DEADLINE: CalendarX,
  REVOKED: Undo,
  LOST: CircleQuestionMark,
} as const satisfies Record<JobState, Component<LucideProps>>;

const STALE = 'Last known state: its cluster has not answered for a while';

interface StateBadgeProps {
  readonly state: JobState;
  readonly isStale: boolean;
  readonly isIconOnly?: boolean;
}

export function StateBadge(props: StateBadgeProps): JSX.Element {
  return (
    <>
      <Badge
        tone={JOB_STATES[props.state].tone}
        icon={ICONS[props.state]}
        label={JOB_STATES[props.state].label}
        isStale={props.isStale}
        isIconOnly={props.isIconOnly}
        title={props.isStale ? STALE : undefined}
      />
      {props.isStale && <span class="sr-only">{STALE}</span>}
    </>
  );
}
