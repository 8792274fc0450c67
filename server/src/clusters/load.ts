import type { ClusterLoad, CommandLoad, LoadWindow } from '../domain/cluster-load.ts';
import type { SshMeter } from '../ssh/index.ts';
import type { Metrics } from '../telemetry/index.ts';

const MINUTE_MS = 60_000;
const HOUR_MINUTES = 60;
const DAY_MINUTES = 24 * HOUR_MINUTES;

interface Minute {
  readonly commands: Map<string, { count: number; seconds: number }>;
  logins: number;
}

/**
 * Counts the requests to one cluster, in memory. Both windows slide by whole minutes: "this hour" is the current
 * minute and the 59 before it, "this day" the current one and the 1,439 before it, or since the server has known the
 * cluster.
 */
export class LoadMeter implements SshMeter {
  readonly #clusterName: string;
  readonly #metrics: Metrics;
  readonly #now: () => number;
  readonly #startedAt: number;
  /** By minute, oldest first; only minutes with requests, and none older than a day. */
  readonly #minutes = new Map<number, Minute>();

  constructor(clusterName: string, metrics: Metrics, now: () => number = Date.now) {
    this.#clusterName = clusterName;
    this.#metrics = metrics;
    this.#now = now;
    this.#startedAt = now();
  }

  command(kind: string, milliseconds: number): void {
    const seconds = milliseconds / 1000;
    const { commands } = this.#thisMinute();
    const command = commands.get(kind) ?? { count: 0, seconds: 0 };
    commands.set(kind, { count: command.count + 1, seconds: command.seconds + seconds });
    const labels = { cluster: this.#clusterName, kind };
    this.#metrics.clusterCommands.inc(labels);
    this.#metrics.clusterSeconds.inc(labels, seconds);
  }

  login(isAccepted: boolean): void {
    this.#thisMinute().logins += 1;
    this.#metrics.clusterLogins.inc({
      cluster: this.#clusterName,
      outcome: isAccepted ? 'accepted' : 'refused',
    });
  }

  read(): ClusterLoad {
    return { hour: this.#window(HOUR_MINUTES), day: this.#window(DAY_MINUTES) };
  }

  #thisMinute(): Minute {
    const current = this.#currentMinute();
    const known = this.#minutes.get(current);
    if (known !== undefined) return known;
    for (const minute of this.#minutes.keys()) {
      if (minute <= current - DAY_MINUTES) this.#minutes.delete(minute);
    }
    const minute: Minute = { commands: new Map(), logins: 0 };
    this.#minutes.set(current, minute);
    return minute;
  }

  #currentMinute(): number {
    return Math.floor(this.#now() / MINUTE_MS);
  }

  #window(minutes: number): LoadWindow {
    const first = this.#currentMinute() - minutes + 1;
    const kinds = new Map<string, { count: number; seconds: number }>();
    let logins = 0;
    for (const [number, minute] of this.#minutes) {
      if (number < first) continue;
      logins += minute.logins;
      for (const [kind, { count, seconds }] of minute.commands) {
        const sum = kinds.get(kind) ?? { count: 0, seconds: 0 };
        kinds.set(kind, { count: sum.count + count, seconds: sum.seconds + seconds });
      }
    }
    const commands: CommandLoad[] = [...kinds].map(([kind, sum]) => ({ kind, ...sum }));
    commands.sort((left, right) => right.count - left.count || (left.kind < right.kind ? -1 : 1));
    return {
      since: new Date(Math.max(first * MINUTE_MS, this.#startedAt)),
      commands,
      logins,
      seconds: commands.reduce((sum, { seconds }) => sum + seconds, 0),
    };
  }
}
