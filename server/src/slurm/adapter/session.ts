import type { ClusterSettings } from '../../domain/cluster.ts';
import type { CommandResult } from '../../ssh/index.ts';
import type { Trial } from '../commands/trial.ts';
import { SlurmUnavailable } from '../errors.ts';
import { ClusterClock } from '../parse/clock.ts';
import { slurmMessage } from '../parse/messages.ts';
import { isLostAnswer } from '../parse/submit.ts';
import { type TrialOutcome, trialOutcome } from '../parse/trial.ts';
import type { Runner } from '../runner.ts';
import type { Script, SearchPath } from '../shell.ts';

/** Under Slurm's rate limits, commands wait instead of failing (slurm.conf, SlurmctldParameters rl_enable). */
const QUERY_TIMEOUT_MS = 60_000;
const MAX_SNAPSHOT_BYTES = 64 * 1024 * 1024;
/** Messages of getopt, and of Slurm about fields. */
const REFUSES_OPTION = /\boption\b|invalid (?:job format|field)/i;

/** Results of the probe, on which all other queries depend. */
export interface ProbedFacts {
  readonly searchPath: SearchPath;
  /** Null: not known yet. */
  readonly keepsAccounts: boolean | null;
  readonly showsFederation: boolean;
  readonly hasExactCodes: boolean;
  readonly tracksGpus: boolean;
}

/** One login: runs scripts there, and holds the results of its probe. */
export class Session {
  readonly runner: Runner;
  readonly settings: ClusterSettings;
  readonly clock = new ClusterClock();
  facts: ProbedFacts = {
    searchPath: null,
    keepsAccounts: null,
    showsFederation: false,
    hasExactCodes: false,
    tracksGpus: false,
  };

  constructor(runner: Runner, settings: ClusterSettings) {
    this.runner = runner;
    this.settings = settings;
  }

  get searchPath(): SearchPath {
    return this.facts.searchPath;
  }

  /** `kind`: the kind under which it is counted. */
  run(ask: Script, kind: string, timeoutMs: number = QUERY_TIMEOUT_MS): Promise<CommandResult> {
    return this.runner.run(ask.text, { timeoutMs, kind });
  }

  /**
   * For long output: an answer of more than 64 MiB is refused. No other long one comes before `read` has read it, which keeps
   * nothing of the text and asks this cluster nothing.
   */
  async runLong<T>(ask: Script, kind: string, read: (result: CommandResult) => T | Promise<T>): Promise<T> {
    const reading = new AbortController();
    const options = { timeoutMs: QUERY_TIMEOUT_MS, maxOutputBytes: MAX_SNAPSHOT_BYTES, kind, until: reading.signal };
    try {
      return await read(await this.runner.run(ask.text, options));
    } finally {
      reading.abort();
    }
  }

  /**
   * The output of each section; all must be complete and have exit code 0. `kind`: the kind under which it is counted.
   */
  query(ask: Script, sections: readonly string[], kind: string): Promise<string[]> {
    return this.queryLong(ask, sections, kind, (outputs) => outputs);
  }

  /** The same for long output, which `read` gets as `runLong` gives it. */
  queryLong<T>(
    ask: Script,
    sections: readonly string[],
    kind: string,
    read: (outputs: string[]) => T | Promise<T>,
  ): Promise<T> {
    return this.runLong(ask, kind, ({ stdout, stderr }) => {
      const errors = ask.errors(stderr);
      // Some faults of the controller have exit code 0 and a message (OSC/ood_core does the same check).
      const isLost = isLostAnswer(errors);
      const outputs = sections.map((name) => {
        const section = ask.read(stdout, name);
        if (section?.exitCode === 0 && !isLost) return section.output;
        const ending = section === null ? 'was cut off' : `ended with exit code ${section.exitCode}`;
        throw new SlurmUnavailable(slurmMessage(errors) || `the answer to "${name}" ${ending}`);
      });
      return read(outputs);
    });
  }

  async tryOut(trial: Trial): Promise<TrialOutcome> {
    const { stdout } = await this.run(trial.script, 'probe');
    return trialOutcome(trial, stdout);
  }
}

/** Whether a command failed because this release, or a site's wrapper, lacks one of its options. */
export function refusesOption(message: string): boolean {
  return REFUSES_OPTION.test(message);
}
