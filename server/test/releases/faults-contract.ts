import { dirname } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Slurm, SlurmUnavailable, type SubmitRequest } from '../../src/slurm/index.ts';
import { SshUnavailable } from '../../src/ssh/index.ts';

/** A Slurm, or parts of one, that can be taken away. Nothing comes back. */
export interface FaultStage {
  readonly slurm: Partial<Slurm>;
  /** The login answers, and Slurm's controller doesn't. */
  stopController(): Promise<void>;
  /** The login cannot be reached. */
  disconnect(): Promise<void>;
}

type Ask<Part> = (part: Part, request: SubmitRequest) => Promise<unknown>;
/** A question, and its answer while the controller is down: it throws SlurmUnavailable where this is THROWS. */
type Case<Part> = readonly [ask: Ask<Part>, answer: unknown];
/** A case for each method of a part. */
type Cases<Part> = {
  readonly [Name in keyof Part as Part[Name] extends (...args: never[]) => unknown ? Name : never]: Case<Part>;
};

const THROWS = 'SlurmUnavailable';
const NOT_CONTACTED = expect.stringMatching(/unable to contact slurm controller/i);
const place = ({ workDir }: SubmitRequest) => ({ workDir, arrayTaskId: null, attempt: 1 });

const CASES: { readonly [Name in keyof Slurm]: Cases<Slurm[Name]> } = {
  login: {
    probe: [(login) => login.probe(), THROWS],
    ping: [(login) => login.ping(), expect.stringMatching(/\bis DOWN\b/)],
  },
  queue: { snapshot: [(queue) => queue.snapshot(), THROWS] },
  accounting: {
    tryOut: [(accounting) => accounting.tryOut(), null],
    // slurmdbd may answer without the controller.
    read: [
      (accounting) => accounting.read(['1']),
      expect.objectContaining({ kind: expect.stringMatching(/^(?:read|unreadable)$/) }),
    ],
  },
  inventory: {
    tryOut: [(inventory) => inventory.tryOut(), null],
    read: [(inventory) => inventory.read(), THROWS],
  },
  records: {
    endMarkers: [(records, request) => records.endMarkers([place(request)]), [null]],
    hasBegun: [(records, request) => records.hasBegun([place(request)]), [false]],
    claimers: [(records, request) => records.claimers([place(request)]), [null]],
  },
  submission: {
    makeJobDirectory: [
      (submission, { workDir }) => submission.makeJobDirectory(workDir),
      { isSubmitted: false, isUploaded: true },
    ],
    unpack: [(submission, { workDir }) => submission.unpack(workDir, true), { kind: 'unpacked' }],
    submit: [
      (submission, request) => submission.submit(request),
      expect.objectContaining({ kind: expect.stringMatching(/^(?:not-asked|unknown)$/), message: NOT_CONTACTED }),
    ],
    answer: [
      (submission, { workDir }) => submission.answer(workDir, true),
      expect.objectContaining({ kind: expect.stringMatching(/^(?:not-asked|unknown)$/), message: NOT_CONTACTED }),
    ],
    find: [(submission, { workDir }) => submission.find(workDir, '01K00000000000000000000099'), THROWS],
    reset: [(submission, { workDir }) => submission.reset(workDir, false), 0],
    tryOptions: [(submission) => submission.tryOptions(), null],
    test: [
      (submission, { workDir }) => submission.test(workDir, `${workDir}/job.sh`),
      { kind: 'broken', message: NOT_CONTACTED },
    ],
    preview: [
      (submission, request) => submission.preview(request, '#!/bin/sh\n'),
      { kind: 'broken', message: NOT_CONTACTED, startsAt: null, nodeList: null },
    ],
    workspaceFault: [(submission, { workDir }) => submission.workspaceFault(dirname(dirname(workDir))), null],
    lookAtUnpacking: [(submission, { workDir }) => submission.lookAtUnpacking(workDir), 'ended'],
    dropUnpacking: [(submission, { workDir }) => submission.dropUnpacking(workDir), undefined],
    removeJobDirectory: [(submission, { workDir }) => submission.removeJobDirectory(workDir), undefined],
  },
  control: {
    cancel: [(control) => control.cancel(['1']), THROWS],
    change: [(control) => control.change('hold', [['1']]), THROWS],
  },
};

/**
 * What every implementation does when Slurm, and then the login, is taken away. `parts`: the ones that it has.
 * `request`: of a job that is prepared and not submitted.
 */
export function testFaults(
  stage: () => FaultStage,
  parts: readonly (keyof Slurm)[],
  request: () => Promise<SubmitRequest>,
): void {
  const cases = parts.flatMap((part) =>
    Object.entries<Case<never>>(CASES[part]).map(([method, [ask, answer]]) => ({
      name: `${part}.${method}`,
      answer,
      ask: async (job: SubmitRequest) => ask(stage().slurm[part] as never, job),
    })),
  );
  let job: SubmitRequest;
  beforeAll(async () => {
    job = await request();
  });

  describe('while the controller is down', () => {
    beforeAll(() => stage().stopController());

    it.each(cases)('$name says so, or does without it', async ({ ask, answer }) => {
      if (answer === THROWS) await expect(ask(job)).rejects.toThrow(SlurmUnavailable);
      else expect(await ask(job)).toEqual(answer);
    });
  });

  describe('while the login cannot be reached', () => {
    beforeAll(() => stage().disconnect());

    it.each(cases)('$name throws', async ({ ask }) => {
      await expect(ask(job)).rejects.toThrow(SshUnavailable);
    });
  });
}
