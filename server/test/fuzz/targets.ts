import { MAX_COMMAND } from '../../src/actions/submit-job-sizes.ts';
import { takeOver } from '../../src/actions/take-over.ts';
import { asked } from '../../src/actions/testing.ts';
import { arrayTaskIds } from '../../src/domain/array-spec.ts';
import { nodeNames } from '../../src/domain/node-list.ts';
import { bounded } from '../../src/domain/text.ts';
import { workspaceParts } from '../../src/domain/workspace.ts';
import { decodeBytes } from '../../src/logs/utf8.ts';
import { interpreterFault, readDirectives } from '../../src/slurm/directives.ts';
import { SlurmUnavailable, UnreadableAnswer } from '../../src/slurm/errors.ts';
import { faultInOption } from '../../src/slurm/further-options.ts';
import { gpuDemands, mayGetNode } from '../../src/slurm/gpu-demands.ts';
import { constraintConflict, optionConflicts } from '../../src/slurm/option-conflicts.ts';
import { ownership } from '../../src/slurm/owner.ts';
import { ACCOUNTING_FIELDS } from '../../src/slurm/parse/account-rows.ts';
import { parseAccounting } from '../../src/slurm/parse/accounting.ts';
import { parseAllocation } from '../../src/slurm/parse/allocation.ts';
import { SAME_CLOCK } from '../../src/slurm/parse/clock.ts';
import { parseControl } from '../../src/slurm/parse/control.ts';
import { accountingForm, RECORDED } from '../../src/slurm/parse/ends.ts';
import { countByType, parseGres } from '../../src/slurm/parse/gres.ts';
import { parseNodes, parsePartitions, readInventory } from '../../src/slurm/parse/inventory.ts';
import { jobIds } from '../../src/slurm/parse/job-ids.ts';
import { lastBegun, lastEnd } from '../../src/slurm/parse/markers.ts';
import { slurmMessage } from '../../src/slurm/parse/messages.ts';
import { readPlan } from '../../src/slurm/parse/plan.ts';
import { parseConfiguration, parseSearch, parseVersion } from '../../src/slurm/parse/probe.ts';
import { mentions, parseQueue, QUEUE_FIELDS } from '../../src/slurm/parse/queue.ts';
import { isLostAnswer, parseSubmit, rejectedField } from '../../src/slurm/parse/submit.ts';
import { atOnce } from '../../src/slurm/parse/turns.ts';
import { durationSeconds, scriptEnd, timeValue } from '../../src/slurm/parse/values.ts';
import { script } from '../../src/slurm/shell.ts';
import { fixture, queueRow } from '../../src/slurm/testing.ts';
import { absoluteWorkspace } from '../../src/slurm/workspace.ts';
import { safetyFault } from '../../src/slurm/workspace-safety.ts';
import { parseCertificate } from '../../src/ssh/dial/certificate.ts';
import { parseConfig } from '../../src/ssh/dial/config-file.ts';
import { parseJumps } from '../../src/ssh/dial/destination.ts';
import { expandTokens } from '../../src/ssh/dial/expand.ts';
import { DialFailure } from '../../src/ssh/dial/failure.ts';
import { parseKnownHosts } from '../../src/ssh/dial/host-keys.ts';
import { matchesPatternList } from '../../src/ssh/dial/patterns.ts';
import { presentable } from '../../src/ssh/dial/question.ts';
import { SshError } from '../../src/ssh/errors.ts';
import { refusedKind } from '../../src/ssh/session/file-kind.ts';
import { readFindings } from '../../src/ssh/session/file-search.ts';
import { OwnShell, wordsOf } from '../../src/ssh/session/own-shell.ts';
import { CLIENT_TARGETS } from './client-targets.ts';
import { AS_IT_IS, type Target, target } from './target.ts';

const JOB = '01K00000000000000000000042';

/** One row of sacct with this in one field. */
function accountingRow(place: (typeof ACCOUNTING_FIELDS)[number], text: string): string {
  const usual: Readonly<Record<(typeof ACCOUNTING_FIELDS)[number], string>> = {
    ...{ JobID: '7', State: 'COMPLETED', ExitCode: '0:0', Submit: '1795494200', Start: '1795494207' },
    ...{ End: '1795494300', NodeList: 'gpu01', Partition: 'gpu', AllocTRES: 'cpu=4,mem=8G,node=1' },
    ...{ TimelimitRaw: '60', JobName: 'train', WorkDir: `/home/ada/slurmql/jobs/${JOB}/source` },
    SubmitLine: `sbatch /home/ada/slurmql/jobs/${JOB}/job.sh`,
  };
  const { fieldEnd } = accountingForm(RECORDED, ACCOUNTING_FIELDS);
  return `${ACCOUNTING_FIELDS.map((field) => `${field === place ? text : usual[field]}${fieldEnd}`).join('')}\n`;
}

const NODE = fixture('nodes.txt').split('\n')[0] ?? '';
/** One node with this as the value of a key. */
const nodeWith = (key: string) => (text: string) =>
  `${NODE.includes(` ${key}=`) ? NODE.replace(new RegExp(` ${key}=\\S*`), () => ` ${key}=${text}`) : `${NODE} ${key}=${text}`}\n`;

const SCRIPT = script(null, '', [
  { name: 'first', command: ':' },
  { name: 'second', command: ':' },
]);
const NONCE = /'begin first ([0-9a-f]+)'/.exec(SCRIPT.text)?.[1] ?? '';
const framed = (first: string, second = 'two') =>
  `\nbegin first ${NONCE}\n${first}\nend first ${NONCE} 0\n\nbegin second ${NONCE}\n${second}\nend second ${NONCE} 3\n`;

const SAFETY = `1000:1000:ada
41ed:0:0:root:root:/
41ed:0:0:root:root:/home
41c0:1000:1000:ada:ada:/home/ada
41c0:1000:1000:ada:ada:/home/ada/slurmql
inside
41c0:1000:1000:ada:ada:/home/ada/slurmql/jobs
`;

const SEARCH = { pattern: 'x', isRegex: false, ignoresCase: false, from: 0, length: null, after: 0, limit: 100 };
const found = (matches: string, lines = '') =>
  `\nbegin pattern n\nstatus 1\n\nbegin before n\n0\n\nbegin matches n\n${matches}\nlines 1\n\nbegin lines n\n${lines}\n\nbegin end n\n`;

const NO_COMPONENT = {
  partition: null,
  resources: {
    ...{ nodes: null, maxNodes: null, tasks: null, cpusPerTask: null, memoryMb: null },
    ...{ gpus: null, gpusTotal: null, gpusPerTask: null, gpuType: null },
  },
};

const NODES = parseNodes(fixture('nodes.txt'), []);

/** Everything that reads what a cluster, a login, a file or a client says. */
export const TARGETS: readonly Target[] = [
  target('the rows of squeue', (text) => parseQueue(text, undefined, true), {
    refuses: [UnreadableAnswer],
    samples: [fixture('queue.txt'), fixture('queue-later.txt'), fixture('queue-heterogeneous.txt')],
    frames: [AS_IT_IS, ...QUEUE_FIELDS.map((field) => (text: string) => queueRow({ [field]: text }))],
    pieces: ['0-4095,', '0-49999,', JOB],
    rows: [queueRow({ JobArrayID: '7_[0-49999]' }), queueRow({ JobArrayID: '7+1' }), queueRow({ State: 'ODD' })],
  }),
  target(
    'rows of squeue that can not be read',
    (text) => mentions([text])({ id: JOB, slurmJobId: '7', arrayParentId: null }),
    {
      samples: [queueRow({ Reason: 'x' })],
      pieces: [JOB, '7_'],
    },
  ),
  target('the rows of sacct', (text) => parseAccounting(text, undefined, true, true), {
    refuses: [UnreadableAnswer],
    samples: [fixture('accounting.txt'), fixture('accounting-heterogeneous.txt')],
    frames: [AS_IT_IS, ...ACCOUNTING_FIELDS.map((field) => (text: string) => accountingRow(field, text))],
    rows: [
      accountingRow('JobID', '7_[0-49999]'),
      accountingRow('State', 'REQUEUED'),
      accountingRow('JobName', 'allocation'),
      accountingRow('JobID', '7+1'),
    ],
  }),
  target('nodes', (text) => parseNodes(text, [{ name: 'gpu', isDefault: true, state: 'UP', timeLimitSeconds: null }]), {
    refuses: [UnreadableAnswer],
    samples: [fixture('nodes.txt'), fixture('nodes-states.txt'), fixture('nodes-taken.txt')],
    frames: [
      AS_IT_IS,
      ...[
        'State',
        'Partitions',
        'Gres',
        'GresUsed',
        'AllocTRES',
        'OS',
        'Reason',
        'Comment',
        'CPUTot',
        'RealMemory',
      ].map(nodeWith),
    ],
    pieces: [' Reason=', ' [', ' [a@', ' RealMemory=1 AllocMem=', '+', 'gpu:1(IDX:0-4095),', 'gpu:1(', '*~#'],
  }),
  target('partitions', parsePartitions, {
    refuses: [UnreadableAnswer],
    samples: [fixture('partitions.txt')],
    frames: [AS_IT_IS, (text) => `PartitionName=${text}`, (text) => `PartitionName=a State=${text} MaxTime=1:00`],
    pieces: ['PartitionName=a ', ' State=', '\nPartitionName=a'],
  }),
  target('partitions with what their nodes hold', (text) => atOnce(readInventory(text, text)), {
    refuses: [UnreadableAnswer],
    samples: [`${fixture('partitions.txt')}${fixture('nodes.txt')}`],
    frames: [AS_IT_IS, nodeWith('Partitions'), nodeWith('Gres')],
    pieces: ['gpu:a100:1,', '\nPartitionName=a'],
  }),
  target('a gres list', (text) => countByType(parseGres(text), 'gpu'), {
    refuses: [UnreadableAnswer],
    samples: ['gpu:a100:3(IDX:0,2-3),shard:a100:6(2/4,4/4)', 'gpu:4(S:0-1)', 'gpu:(null):1(IDX:0)'],
    frames: [AS_IT_IS, (text) => `gpu:1(IDX:${text})`, (text) => `gpu:1(${text})`],
    pieces: ['0-4095,', '0-999999999999,', '1/4,', 'gpu:1(IDX:0-4095),', 'gpu:a100:'],
  }),
  target('what a job was given', (text) => parseAllocation(text, null, true), {
    refuses: [UnreadableAnswer],
    samples: ['cpu=4,mem=4G,node=1,billing=4,gres/gpu=2,gres/gpu:a100=2'],
    frames: [AS_IT_IS, (text) => `cpu=${text}`, (text) => `cpu=1,mem=${text}`],
    pieces: ['cpu=1,', 'gres/gpu:a=1,'],
  }),
  target('job numbers', jobIds, {
    samples: ['14', '8_2', '9+1', '8_[4-6,9%2]'],
    frames: [AS_IT_IS, (text) => `8_[${text}]`],
    pieces: ['0-49999,', '0-9:2,', '1,'],
  }),
  target('an array', arrayTaskIds, {
    samples: ['0-9', '1,3,7-15:4', '0-99%4'],
    pieces: ['0-49999,', '0-9:2,', '1,', '1-'],
  }),
  target('a list of nodes', nodeNames, {
    samples: ['gpu[01-03,07],login', 'rack[1-2]n[0-3]'],
    frames: [AS_IT_IS, (text) => `n[${text}]`, (text) => `${text}[0-99999]`],
    pieces: ['[0-9]', '[1]', '0-99999,', '[', 'a,', '0001-'],
  }),
  target('times', timeValue, { refuses: [UnreadableAnswer], samples: ['1795494207', 'N/A', '0'] }),
  target('durations', durationSeconds, {
    refuses: [UnreadableAnswer],
    samples: ['1-02:03:04', '03:04', 'UNLIMITED'],
    pieces: ['1:', '1-'],
  }),
  target('an end', (text) => scriptEnd(text, 'FAILED', null), {
    refuses: [UnreadableAnswer],
    samples: ['1:0', '256', '0:9'],
  }),
  target('whose a job is', (text) => ownership(text, text, text), {
    samples: [`/jobs/${JOB}/job.sh`],
    pieces: ['/jobs/', `/jobs/${JOB}`, `.${JOB}`],
  }),
  target('the configuration of Slurm', parseConfiguration, {
    refuses: [UnreadableAnswer],
    samples: [fixture('releases/22.05/configuration.txt')],
    frames: [
      AS_IT_IS,
      (text) => `ClusterName = ${text}\n`,
      (text) => `ClusterName = a\nAccountingStorageTRES = ${text}\n`,
    ],
    pieces: ['ClusterName = a\n', 'gres/gpu', ',gres/gp', 'MinJobAge = 9'],
  }),
  target('where Slurm is', parseSearch, {
    refuses: [UnreadableAnswer],
    samples: ['path', 'login\nPATH=/opt/slurm/bin\nSLURM_CONF=/etc/slurm.conf'],
    frames: [AS_IT_IS, (text) => `login\nPATH=${text}`],
  }),
  target('its version', parseVersion, {
    samples: ['slurm 24.11.5', 'slurm-wlm 22.05.8'],
    pieces: ['slurm ', 'slurm 1.', '\nslurm 1'],
  }),
  target('the answer of sbatch', (text) => parseSubmit(0, text, text), {
    samples: ['1234\n', '1234;alpha\n'],
    pieces: ['1\n', '\x1b[1', ';a'],
  }),
  target(
    'a refusal of sbatch',
    (text) => {
      const answer = parseSubmit(1, '', text);
      return [
        answer,
        isLostAnswer(text),
        'message' in answer && answer.message !== null ? rejectedField(answer.message) : null,
      ];
    },
    {
      samples: [
        'sbatch: error: invalid partition specified: nope\n',
        'sbatch: error: Unable to contact slurm controller (connect failure)',
      ],
      pieces: ['sbatch: error: ', 'slurm: ', 'communication', 'message ', 'unable to contact'],
    },
  ),
  target('the plan of sbatch --test-only', (text) => readPlan(text, SAME_CLOCK), {
    samples: ['sbatch: Job 1 to start at 1796037586 using 1 processors on nodes gpu01 in partition gpu\n'],
    pieces: ['Job 1 to start at 1', ' using 1 processors on ', 'nodes a ', ' in partition a\n', 'sbatch: '],
  }),
  target('words of Slurm', slurmMessage, {
    samples: ['squeue: error: no\n'],
    pieces: ['squeue: error: ', 'a\n', 'slurm_a: '],
  }),
  target('the answer of scontrol', (text) => parseControl(1, text), {
    refuses: [UnreadableAnswer],
    samples: ['14_4-6: Job has already finished\n14_7,9: No error\n'],
    pieces: ['14_4-6: ', ' for job 1', 'slurm_suspend error: ', '1,'],
  }),
  target('markers of ends', lastEnd, {
    refuses: [UnreadableAnswer],
    samples: ['job.0.start job=7\njob.0.end job=7 code=0 at=1795494300 stdout=3 stderr=0\n'],
    frames: [
      AS_IT_IS,
      (text) => `job.0.end job=7 code=${text} at=1\n`,
      (text) => `job.${text}.end job=7 code=0 at=1\n`,
    ],
    pieces: ['job.1.start x\n', '.1', '.1.end '],
  }),
  target('what has begun', lastBegun, {
    refuses: [UnreadableAnswer],
    samples: ['job.0.command\n3.1.end\n'],
    pieces: ['1.1.end\n', 'job.', 'a'],
  }),
  target(
    'the frame of output',
    (text) => [SCRIPT.read(text, 'first'), SCRIPT.read(text, 'second'), SCRIPT.errors(text)],
    {
      samples: [framed('one'), `Welcome!\n${framed('')}`],
      frames: [AS_IT_IS, framed],
      pieces: [`\nbegin first ${NONCE}\n`, `\nend first ${NONCE} `, `\nend first ${NONCE} 1`, framed('')],
    },
  ),
  target('#SBATCH lines', (text) => [readDirectives(text), interpreterFault(text)], {
    samples: ['#!/bin/bash -l\n#SBATCH --gpus=2 --time 1:00 # note\n#SBATCH -N 2 -J "a b"\ntrain\n'],
    frames: [AS_IT_IS, (text) => `#SBATCH ${text}`, (text) => `#!${text}`],
    pieces: ['#SBATCH ', '\n#SBATCH "', '\n#PBS -l', 'a ', '-N ', '--x ', '#SBATCH --gpus=1\n', "'"],
  }),
  target('a pasted script', (text) => takeOver(asked(text, { extraOptions: ['--comment=a', '--prefer=b'] })), {
    samples: ['#!/bin/bash\n#SBATCH --gres=gpu:2,nvme:1 -n 4 -n 5\n#SBATCH --comment=c --prefer b\ntrain\n'],
    frames: [(text) => `#SBATCH ${text}`, AS_IT_IS, (text) => `#SBATCH --gres=gpu:${text}`],
    pieces: ['-H ', '-n1 -n2 ', '--gres=a ', '--gres=gpu:1,a ', 'gpu:a,', '#SBATCH -n1\n', '#SBATCH --comment=d\n'],
    // More than it is ever given: enough to show what grows with the square.
    most: 4 * MAX_COMMAND,
  }),
  target(
    'options',
    (text) => {
      const component = { ...NO_COMPONENT, extraOptions: text.split('\n', 100) };
      return [
        component.extraOptions.map(faultInOption),
        [...optionConflicts(component)],
        constraintConflict(component, 'constraint'),
        gpuDemands(component, 'gres'),
        NODES.filter(mayGetNode(component, 'gres')),
      ];
    },
    {
      samples: ['--constraint=a100', '--gres=shard:a100:2\n--mem-per-cpu=3', '--nodelist=n[1-3],n5'],
      frames: [
        AS_IT_IS,
        (text) => `--gres=${text}`,
        (text) => `--${text}`,
        (text) => `--constraint=a&${text}a\n--prefer=${text}a`,
        (text) => `--exclude=${text}`,
      ],
      pieces: ['--gres=a,', 'a:1,', '--mem=1\n', 'gpu'],
    },
  ),
  target('a workspace', (text) => workspaceParts(text), {
    refuses: [TypeError],
    samples: ['~/slurmql', '$SCRATCH/x/$USER'],
    frames: [AS_IT_IS, (text) => `~/${text}`],
    pieces: ['$A', '$', '/a'],
  }),
  target('where the workspace is', (text) => absoluteWorkspace('$SCRATCH/slurmql', '/home/ada', text), {
    refuses: [SlurmUnavailable],
    samples: ['/scratch/ada\n'],
  }),
  target('who may write to the workspace', (text) => safetyFault('/home/ada/slurmql', text, ['ops']), {
    refuses: [UnreadableAnswer],
    samples: [SAFETY, SAFETY.replace('1000:1000:ada:ada', '1001:1001:eve:eve')],
    frames: [AS_IT_IS, (text) => `1000:1000:ada\n41ed:0:0:root:root:/\n${text}`, (text) => `${SAFETY}${text}`],
    pieces: ['a1ff:1001:1001:eve:eve:/a/b\n', '41ff:0:0:root:root:/a\n', 'inside\n', ':0', '43ff:0:0:root:root:/\n'],
  }),
  target('what lies in the place of a file', (text) => refusedKind('file', text), {
    samples: ['What lies there has the mode 11a4\n'],
    pieces: ['What lies there has the mode ', '\nWhat lies there has the mode 1'],
  }),
  target('an OpenSSH configuration', (text) => parseConfig(text, 'config'), {
    refuses: [DialFailure],
    samples: ['Host login\n  HostName login.example.org\n  User "ada"\n  ProxyJump = a@b:22\n'],
    frames: [AS_IT_IS, (text) => `Host ${text}`],
    pieces: ['Host a\n', ' =', '\\"', 'a ', '""'],
  }),
  target('known hosts', (text) => parseKnownHosts(text, 'known_hosts'), {
    samples: ['login ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJYYYYYYYYYYYYYYYYYYYYYYYYYYYYYYYYYYYYYYYYYY\n'],
    frames: [AS_IT_IS, (text) => `login ssh-ed25519 ${text}`],
    pieces: ['a ssh-rsa AAAA\n', 'a,', '@revoked ', '|1|'],
  }),
  target('jump hosts', (text) => parseJumps(text, 'proxy_jump'), {
    refuses: [DialFailure],
    samples: ['ada@login:22,[::1]:2222', 'none', 'ssh://a@b:1/'],
    frames: [AS_IT_IS, (text) => `[${text}]:22`],
    pieces: ['a:', 'a@', '[', 'a:1,', '::'],
  }),
  target('patterns of hosts', (text) => matchesPatternList('login.example.org', text.split(',')), {
    samples: ['*.example.org,!a'],
    pieces: ['*', '*?', '*a', '*,'],
  }),
  target('% tokens', (text) => expandTokens(text, { h: 'login' }, 'config'), {
    refuses: [DialFailure],
    samples: ['%h-%%'],
    pieces: ['%h', '%%'],
  }),
  target('words of a login server', presentable, { samples: ['Password: '], pieces: ['\r\n', '\x1b[1m'] }),
  target('words of a login', (text) => wordsOf(Buffer.from(text), Buffer.from(text)), {
    samples: ['Your account has expired\n'],
    pieces: ['\x1b[', '\x1b]', '\x1b]a\x1b', '\r'],
  }),
  target(
    'answers of a shell',
    (text) => {
      const shell = new OwnShell();
      return shell.without([Buffer.concat([Buffer.from(text), shell.answer, Buffer.from(text)])]);
    },
    { samples: ['x'] },
  ),
  target('findings of grep', (text) => readFindings(SEARCH, 'n', text, text), {
    refuses: [SshError],
    samples: [found('match 1 3\nmatch 2 9', '1:0\n2:5')],
    frames: [AS_IT_IS, found, (text) => found('match 1 3', text)],
    pieces: ['match 1 1\n', '1:1\n', '\nbegin matches n\n', 'status 1\n'],
  }),
  target(
    'bytes of a log',
    (text) => decodeBytes(Buffer.from(text, 'latin1'), { before: Buffer.alloc(0), isEnd: false }),
    { samples: ['\u00c3\u00a9'], pieces: ['\u00e2\u0082', '\u00f0\u009f'] },
  ),
  target('a certificate', (text) => parseCertificate(Buffer.from(text, 'latin1')), {
    // Whoever reads one takes any fault for what it is: no certificate.
    refuses: [Error],
    frames: [AS_IT_IS, (text) => `\0\0\0\x20ssh-ed25519-cert-v01@openssh.com${text}`],
    pieces: ['\0\0\0\0', '\0\0\0\x01a', '\xff\xff\xff\xff'],
  }),
  target('a bound', (text) => [bounded(text, 100), bounded(text, 100, { keep: 'both', beyond: 5 })], {
    samples: ['x'.repeat(200)],
  }),
  ...CLIENT_TARGETS,
];
