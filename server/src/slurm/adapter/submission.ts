import type { CommandResult } from '../../ssh/index.ts';
import { jobDirectoryScript, removeJobDirectoryScript } from '../commands/job-directory.ts';
import {
  answerScript,
  NO_CODES,
  optionsTrialScript,
  previewScript,
  resetSubmitScript,
  SBATCH_LIMIT_SECONDS,
  submitScript,
  submitTestScript,
  tracesScript,
} from '../commands/submission.ts';
import {
  dropUnpackingScript,
  lookScript,
  UNPACK_STATES,
  UNPACKING_STATES,
  unpackScript,
} from '../commands/unpacking.ts';
import { SlurmUnavailable } from '../errors.ts';
import { slurmMessage } from '../parse/messages.ts';
import { readPlan } from '../parse/plan.ts';
import { mentions } from '../parse/queue.ts';
import { isSystemFault } from '../parse/refusal.ts';
import { isLostAnswer, parseSubmit, type SubmitAnswer, tellsOfNoAnswer } from '../parse/submit.ts';
import { numberValue } from '../parse/values.ts';
import { type SubmitRequest, sbatchOptions } from '../sbatch-options.ts';
import type { Script, SectionResult } from '../shell.ts';
import type {
  JobDirectoryState,
  SlurmQueue,
  SlurmSubmission,
  SubmitPreview,
  SubmitTest,
  SubmitTraces,
  UnpackAnswer,
  UnpackingState,
} from '../slurm.ts';
import { workspaceOf } from '../workspace.ts';
import { findSafetyFault, safetyFault, wholeOf } from '../workspace-safety.ts';
import { refusesOption, type Session } from './session.ts';

/** A job that requests nothing. */
const ANY_JOB: Omit<SubmitRequest, 'workDir'> = {
  slurmName: 'test',
  partition: null,
  resources: {
    ...{ nodes: null, maxNodes: null, tasks: null, cpusPerTask: null, memoryMb: null },
    ...{ gpus: null, gpusTotal: null, gpusPerTask: null, gpuType: null },
    ...{ timeLimitMinutes: null, account: null, qos: null, array: null },
  },
  dependsOn: [],
  isSingleton: false,
  extraOptions: [],
  components: [],
};

/** sbatch tries again for two minutes by itself (src/sbatch/sbatch.c). */
const TEST_TIMEOUT_MS = 260_000;
/** The shell counts no further. */
const MAX_FAILURES = 1000;
const WORKSPACE_ADVICE =
  'Free some space there, or set "workspace" in clusters.yaml to a directory that can be written. It is tried again by itself';
/** tar's messages when the archive is not at fault; for a file that was cut off on a full disk it gives no reason. */
const NO_ROOM = /no space left|quota exceeded|wrote only \d+ of|short write|write error/i;
/** What only the archive, or a name in it, is at fault for: in the words of GNU's, BusyBox's and libarchive's tar, and gzip. */
const ARCHIVE_FAULT =
  /not a directory|is a directory|name too long|too many levels|file exists|illegal byte sequence|multibyte|unexpected e(?:of|nd)|truncated|short read|gzip format|invalid (?:compressed|magic|tar|argument)|not look like a tar|crc error|corrupt|damaged/i;
/** The only directories that are ever removed: a ULID below the workspace. */
const JOB_DIRECTORY = /^\/.+\/jobs\/[0-9A-HJKMNP-TV-Z]{26}$/;

export class SbatchSubmission implements SlurmSubmission {
  readonly #session: Session;
  readonly #queue: SlurmQueue;

  constructor(session: Session, queue: SlurmQueue) {
    this.#session = session;
    this.#queue = queue;
  }

  async makeJobDirectory(workDir: string): Promise<JobDirectoryState> {
    const ask = jobDirectoryScript(workDir);
    const { stdout, stderr } = await this.#session.run(ask, 'submit');
    const section = ask.read(stdout, 'directory');
    if (section?.exitCode !== 0) throw unwritable(ask.errors(stderr));
    const fault = safetyFault(workspaceOf(workDir), wholeOf(ask.read(stdout, 'safety')), this.#trusted);
    if (fault !== null) throw new SlurmUnavailable(fault);
    return {
      isSubmitted: section.output.includes('submitted'),
      isUploaded: section.output.includes('uploaded'),
    };
  }

  async unpack(workDir: string, waits: boolean, suffix = ''): Promise<UnpackAnswer> {
    const ask = unpackScript(this.#session.searchPath, workDir, waits, suffix);
    const { stdout, stderr } = await this.#session.run(ask, 'submit');
    const word = ask.read(stdout, 'state')?.output.trim();
    const said = ask.read(stdout, 'said')?.output;
    if (word === undefined || said === undefined) throw new SlurmUnavailable('the answer of the unpacking was cut off');
    // One that has just ended without a word is begun again by the next question.
    const kind = UNPACK_STATES.find((state) => state === word) ?? 'running';
    if (kind === 'unwritable') throw unwritable(ask.errors(stderr));
    if (kind === 'missing')
      throw new SlurmUnavailable("The project's files are gone from the job's directory, and are sent again");
    if (kind !== 'failed') return { kind };
    const message = `The project can't be unpacked on the cluster: ${slurmMessage(said)}`;
    if (NO_ROOM.test(message)) throw new SlurmUnavailable(`${message}. ${WORKSPACE_ADVICE}`);
    return { kind, message, isFault: !isArchiveAtFault(said) };
  }

  async lookAtUnpacking(workDir: string): Promise<UnpackingState> {
    const [word = ''] = await this.#session.query(lookScript(workDir), ['unpacking'], 'submit');
    return UNPACKING_STATES.find((state) => state === word.trim()) ?? 'elsewhere';
  }

  async dropUnpacking(workDir: string): Promise<void> {
    await this.#session.query(dropUnpackingScript(workDir), ['drop'], 'submit');
  }

  workspaceFault(workspace: string): Promise<string | null> {
    return findSafetyFault(this.#session.runner, workspace, this.#trusted);
  }

  async removeJobDirectory(workDir: string): Promise<void> {
    if (!JOB_DIRECTORY.test(workDir)) throw new TypeError(`${workDir} is no job's directory`);
    await this.#session.query(removeJobDirectoryScript(workDir), ['directory'], 'submit');
  }

  async find(workDir: string, jobId: string): Promise<SubmitTraces> {
    const [claims = '', words = ''] = await this.#session.query(tracesScript(workDir), ['claims', 'sbatch'], 'submit');
    const claimed = /^\d{1,10}$/m.exec(claims)?.[0];
    const sbatch = (['over', 'running'] as const).find((word) => word === words.trim()) ?? 'elsewhere';
    if (claimed !== undefined) return { slurmJobId: claimed, sbatch };
    const { observations, shared, faultyRows } = await this.#queue.snapshot();
    // A job that hasn't claimed its directory can't have submitted others yet, so the working directory identifies it,
    // too, if a wrapper passes on a copy of the script.
    const recorded = [...observations, ...shared].filter((seen) => (seen.ownerId ?? seen.directoryJobId) === jobId);
    // A job that Slurm refused for its resources leaves a record, and a heterogeneous one a record of each component.
    const isRefused = recorded.some(({ state, reason }) => state === 'FAILED' && reason === 'BadConstraints');
    const queued = isRefused ? undefined : recorded[0];
    if (queued === undefined && mentions(faultyRows)({ slurmJobId: null, id: jobId, arrayParentId: null })) {
      throw new SlurmUnavailable("squeue shows the job in a row that can't be read");
    }
    if (queued === undefined) return { slurmJobId: null, sbatch };
    return { slurmJobId: 'tasks' in queued ? queued.slurmArrayId : (queued.slurmJobId.split('_')[0] ?? null), sbatch };
  }

  async reset(workDir: string, isLost: boolean): Promise<number> {
    const ask = resetSubmitScript(workDir, isLost);
    const [, failures = ''] = await this.#session.query(ask, ['reset', 'failures'], 'submit');
    return numberValue(failures.trim(), MAX_FAILURES, 'number of failures') ?? 0;
  }

  async submit(request: SubmitRequest): Promise<SubmitAnswer> {
    const options = sbatchOptions(request, this.#session.settings.gpuRequest);
    const ask = submitScript(this.#session.searchPath, request.workDir, options);
    return readAnswer(ask, await this.#session.run(ask, 'submit'));
  }

  async answer(workDir: string, ends: boolean): Promise<SubmitAnswer> {
    const ask = answerScript(workDir, ends);
    return readAnswer(ask, await this.#session.run(ask, 'submit'));
  }

  async tryOptions(): Promise<string | null> {
    const options = sbatchOptions({ ...ANY_JOB, workDir: '/' }, this.#session.settings.gpuRequest);
    const ask = optionsTrialScript(this.#session.searchPath, options);
    const { stdout } = await this.#session.run(ask, 'probe');
    const section = ask.read(stdout, 'sbatch');
    const message = section === null || section.exitCode === 0 ? '' : slurmMessage(section.output);
    const isRefusal = options.some((one) => message.includes(one.replace(/=.*/, '')));
    return isRefusal ? `sbatch: ${message}` : null;
  }

  async test(workDir: string, batchScript: string): Promise<SubmitTest> {
    const options = sbatchOptions({ ...ANY_JOB, workDir }, this.#session.settings.gpuRequest);
    const ask = submitTestScript(this.#session.searchPath, workDir, options, batchScript);
    const { stdout } = await this.#session.run(ask, 'probe', TEST_TIMEOUT_MS);
    return testOutcome(ask.read(stdout, 'sbatch'));
  }

  async preview(request: SubmitRequest, batchScript: string): Promise<SubmitPreview> {
    const options = sbatchOptions(request, this.#session.settings.gpuRequest);
    const ask = previewScript(this.#session.searchPath, options, batchScript);
    const { stdout } = await this.#session.run(ask, 'submit');
    const section = ask.read(stdout, 'sbatch');
    const { others, startsAt, nodeList } = readPlan(section?.output ?? '', this.#session.clock);
    return { ...testOutcome(section && { ...section, output: others }), startsAt, nodeList };
  }

  /** Users and groups that may own or write to directories above the workspace. */
  get #trusted(): readonly string[] {
    return this.#session.settings.workspaceTrusts ?? [];
  }
}

/** Of `sbatch --test-only`. */
function testOutcome(section: SectionResult | null): SubmitTest {
  const message = slurmMessage(section?.output ?? '');
  if (section === null) return { kind: 'broken', message: 'its answer was cut off' };
  if (section.exitCode === 0 && !isLostAnswer(section.output)) return { kind: 'taken', message };
  // sbatch says "allocation failure: Unable to contact …" here, without its name before it.
  const isBroken = message === '' || tellsOfNoAnswer(message) || refusesOption(message);
  return { kind: isBroken ? 'broken' : 'refused', message: message || `it ended with code ${section.exitCode}` };
}

const LIMIT = `${SBATCH_LIMIT_SECONDS / 60} minutes`;
const NO_ANSWER: Readonly<Record<'timed-out' | 'cancelled' | 'elsewhere' | 'over', string>> = {
  'timed-out': `sbatch did not end within ${LIMIT} and was killed`,
  cancelled: 'sbatch did not end and was killed, because the job was cancelled',
  elsewhere: "sbatch was started on another login node, and this one can't tell whether it still runs",
  over: 'sbatch gave no answer',
};

function readAnswer(ask: Script, { stdout, stderr }: CommandResult): SubmitAnswer {
  const text = (name: string) => {
    const section = ask.read(stdout, name);
    // What shows it has died, and may have left out the line that matters.
    if (section !== null && section.exitCode !== 0) throw new SlurmUnavailable('the answer of sbatch was cut off');
    return section?.output ?? '';
  };
  const code = text('code').trim();
  if (/^\d+$/.test(code)) return parseSubmit(Number(code), text('stdout'), text('stderr'));
  const noCode = NO_CODES.find((word) => word === code) ?? 'over';
  switch (noCode) {
    case 'not-begun':
      throw unwritable(ask.errors(stderr));
    case 'not-started':
      return {
        kind: 'not-asked',
        message: `sbatch can't be started on the login node: ${slurmMessage(text('stderr'))}`,
      };
    case 'not-unpacked':
      return { kind: 'not-asked', message: "The project isn't in the job's directory any more" };
    case 'running':
      return { kind: 'running', message: `sbatch still runs on the login node, for up to ${LIMIT}` };
    default:
      return { kind: 'unknown', message: NO_ANSWER[noCode], isFault: false };
  }
}

/** Else the login node is, or its disk. */
function isArchiveAtFault(said: string): boolean {
  // A directory that can't be made lets the files in it fail, too.
  const others = said.replaceAll(/no such file or directory/gi, '');
  return ARCHIVE_FAULT.test(others) && !isSystemFault(others);
}

function unwritable(errors: string): SlurmUnavailable {
  return new SlurmUnavailable(`The workspace can't be written: ${slurmMessage(errors)}. ${WORKSPACE_ADVICE}`);
}
