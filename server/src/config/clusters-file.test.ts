import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseClusters, readClustersFile } from './clusters-file.ts';
import { ConfigurationError } from './environment.ts';

const parse = (text: string) => parseClusters(text, 'clusters.yaml');

/** The lines of the refusal. */
function faults(text: string): string[] {
  try {
    parse(text);
  } catch (cause) {
    if (cause instanceof ConfigurationError) return cause.message.split('\n');
    throw cause;
  }
  throw new Error('the file was accepted');
}

describe('clusters.yaml', () => {
  it('needs a host for each cluster and nothing else', () => {
    expect(parse('clusters:\n  alpha:\n    host: login.example.org\n')).toEqual([
      {
        name: 'alpha',
        host: 'login.example.org',
        workspace: '~/slurmql',
        gpuRequest: 'gres',
        pollIntervalSeconds: 30,
        gpuCacheSeconds: 60,
      },
    ]);
  });

  it('names each cluster and each key once', () => {
    expect(faults('clusters:\n  a: { host: a }\n  a: { host: b, port: 1, host: c }\n')).toEqual([
      'clusters.yaml:3:3: the key a is given twice',
      'clusters.yaml:3:26: the key host is given twice',
    ]);
  });

  it('is told of twenty faults, and how many more there are', () => {
    const told = faults(`clusters:\n${Array.from({ length: 3000 }, (_, n) => `  c${n}: {}\n`).join('')}`);
    expect(told).toHaveLength(21);
    expect(told.at(-1)).toBe('and 2980 more faults');
  });

  it('says that there are no clusters where there have been some', () => {
    for (const text of ['', '# nothing\n', 'clusters:\n', '{}\n', 'clusters: null\n']) {
      expect(parseClusters(text, 'clusters.yaml')).toEqual([]);
      expect(() => parseClusters(text, 'clusters.yaml', true)).toThrow('write "clusters: {}"');
    }
    expect(parseClusters('clusters: {}\n', 'clusters.yaml', true)).toEqual([]);
  });

  it('may say everything', () => {
    const text = `# The lab's clusters
clusters:
  alpha:
    host: login.alpha.example.org
    port: 2222
    user: ada
    identity_file: ~/.ssh/id_ed25519
    known_hosts: ~/.ssh/known_hosts
    proxy_jump: bastion.example.org
    workspace: ~/scratch/slurmql
    allowed_partitions: [gpu, cpu]
    allowed_gpu_types: [a100, h100]
    gpu_request: constraint
    conda_env: torch
    poll_interval_seconds: 10
    gpu_cache_seconds: 5
    help: |
      Start the VPN first.
    prologue: |
      module load cuda
      export A=1
  beta.example-2:
    host: beta
`;
    const [alpha, beta] = parse(text);
    expect(alpha).toEqual({
      name: 'alpha',
      host: 'login.alpha.example.org',
      port: 2222,
      user: 'ada',
      identityFile: '~/.ssh/id_ed25519',
      knownHosts: '~/.ssh/known_hosts',
      proxyJump: 'bastion.example.org',
      workspace: '~/scratch/slurmql',
      allowedPartitions: ['gpu', 'cpu'],
      allowedGpuTypes: ['a100', 'h100'],
      gpuRequest: 'constraint',
      condaEnv: 'torch',
      pollIntervalSeconds: 10,
      gpuCacheSeconds: 5,
      help: 'Start the VPN first.\n',
      prologue: 'module load cuda\nexport A=1\n',
    });
    expect(beta?.name).toBe('beta.example-2');
  });

  it.each(['', '\n', '# nothing but a remark\n', 'clusters:\n', 'clusters: {}\n', '{}', '---\n'])(
    'may name no cluster: %j',
    (text) => {
      expect(parse(text)).toEqual([]);
    },
  );

  it('keeps the order of its clusters', () => {
    const names = ['zeta', 'alpha', 'b', 'a'];
    const text = `clusters:\n${names.map((name) => `  ${name}:\n    host: ${name}\n`).join('')}`;
    expect(parse(text).map(({ name }) => name)).toEqual(names);
  });
});

describe('a fault in clusters.yaml', () => {
  it.each([
    [
      'clusters:\n  alpha:\n    hots: x\n    host: y\n',
      'clusters.yaml:3:5: clusters.alpha.hots: unknown key; did you mean "host"?',
    ],
    [
      'clusters:\n  alpha:\n    host: y\n    identityfile: z\n',
      'clusters.yaml:4:5: clusters.alpha.identityfile: unknown key; did you mean "identity_file"?',
    ],
    [
      'clusters:\n  alpha:\n    host: y\n    prolog: |\n      module load cuda\n',
      'clusters.yaml:4:5: clusters.alpha.prolog: unknown key; did you mean "prologue"?',
    ],
    ['cluster:\n  alpha:\n    host: y\n', 'clusters.yaml:1:1: cluster: unknown key; did you mean "clusters"?'],
    [
      'clusters:\n  alpha:\n    host: y\n    zzzzzzzz: 1\n',
      'clusters.yaml:4:5: clusters.alpha.zzzzzzzz: unknown key; the keys are host, port, ',
    ],
  ])('that is a mistyped key is told at the key, with what was meant: %j', (text, line) => {
    const lines = faults(text);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(line);
  });

  it.each([
    ['clusters:\n  alpha:\n    host: y\n    port: ssh\n', '4:11', 'clusters.alpha.port: write a whole number'],
    ['clusters:\n  alpha:\n    host: y\n    port: 70000\n', '4:11', 'clusters.alpha.port: write 65535 or less'],
    ['clusters:\n  alpha:\n    host: y\n    port: 0\n', '4:11', 'clusters.alpha.port: write 1 or more'],
    [
      'clusters:\n  alpha:\n    host: y\n    gpu_request: both\n',
      '4:18',
      'clusters.alpha.gpu_request: write one of gres, gpus, constraint',
    ],
    [
      'clusters:\n  alpha:\n    host: y\n    allowed_partitions: []\n',
      '4:25',
      'clusters.alpha.allowed_partitions: name at least one partition',
    ],
    [
      'clusters:\n  alpha:\n    host: y\n    allowed_partitions: [gpu, "a\\nb"]\n',
      '4:31',
      'clusters.alpha.allowed_partitions.1: write one line',
    ],
    [
      'clusters:\n  alpha:\n    host: y\n    workspace: slurmql\n',
      '4:16',
      'clusters.alpha.workspace: write an absolute path, or one below ~/',
    ],
    [
      'clusters:\n  alpha:\n    host: y\n    workspace: /scratch/$(whoami)/ws\n',
      '4:16',
      `clusters.alpha.workspace: write variables as $NAME or \${NAME}: nothing else is expanded`,
    ],
    [
      'clusters:\n  alpha:\n    host: y\n    workspace: /\n',
      '4:16',
      'clusters.alpha.workspace: write an absolute path',
    ],
    [
      'clusters:\n  alpha:\n    host: y\n    poll_interval_seconds: 0.5\n',
      '4:28',
      'clusters.alpha.poll_interval_seconds: write a whole number',
    ],
    ['clusters:\n  alpha:\n    host: -oProxyCommand=x\n', '3:11', 'clusters.alpha.host: write a host name'],
    ['clusters:\n  alpha:\n    host: ""\n', '3:11', 'clusters.alpha.host: '],
    ['clusters:\n  alpha:\n    host: [a]\n', '3:11', 'clusters.alpha.host: '],
    ['clusters:\n  -bad:\n    host: x\n', '', 'name clusters with letters, digits'],
    ['clusters:\n  - alpha\n', '2:3', 'clusters: '],
    ['- clusters\n', '1:1', 'file: '],
    ['just a text\n', '1:1', 'file: '],
    ['42\n', '1:1', 'file: '],
  ])('is told with its place and with what is wanted: %j at %s', (text, place, wants) => {
    const [line] = faults(text);
    expect(line).toContain(`clusters.yaml:${place}`);
    expect(line).toContain(wants);
    expect(line).not.toContain('is missing');
  });

  it.each([
    ['clusters:\n  alpha:\n    port: 22\n', 3],
    ['clusters:\n  alpha: {}\n', 2],
  ])('that is a missing host is told at its cluster: %j', (text, row) => {
    expect(faults(text)).toEqual([
      expect.stringMatching(new RegExp(`^clusters\\.yaml:${row}:\\d+: clusters\\.alpha\\.host: is missing$`)),
    ]);
  });

  it('that is a cluster without anything is told at the cluster', () => {
    expect(faults('clusters:\n  alpha:\n  beta:\n    host: x\n')[0]).toMatch(
      /^clusters\.yaml:[23]:\d+: clusters\.alpha: /,
    );
  });

  it('does not hide the others', () => {
    const lines = faults(
      'clusters:\n  alpha:\n    hots: x\n    port: ssh\n  beta:\n    host: y\n    port: -1\nextra: 1\n',
    );
    expect(lines).toHaveLength(5);
    for (const part of ['alpha.hots', 'alpha.host: is missing', 'alpha.port', 'beta.port', 'extra: unknown key']) {
      expect(lines.join('\n')).toContain(part);
    }
  });

  it.each([
    'clusters:\n\talpha: x\n',
    'clusters: [a\n',
    'clusters:\n  alpha:\n    host: "x\n',
    'clusters:\n  alpha:\n    host: x\n    host: y\n',
    'clusters: {}\n---\nclusters: {}\n',
    'clusters: !!map\n  - x\n: : :\n',
  ])('that is no YAML is told with its place: %j', (text) => {
    for (const line of faults(text)) expect(line).toMatch(/^clusters\.yaml:\d+:\d+: /);
  });

  it('that is an alias without an anchor is told with its place', () => {
    const lines = faults('clusters:\n  alpha: *base\n');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^clusters\.yaml:2:\d+: /);
  });

  it('that is a bomb of aliases is told, and not carried out', () => {
    const levels = Array.from({ length: 12 }, (_, level) =>
      level === 0
        ? 'a0: &a0 [x, x, x, x, x, x, x, x, x]'
        : `a${level}: &a${level} [${Array(9)
            .fill(`*a${level - 1}`)
            .join(', ')}]`,
    );
    expect(faults(`${levels.join('\n')}\nclusters: {}\n`).length).toBeGreaterThan(0);
  });

  it('is always a fault of the file and never one of the program', () => {
    const piece = fc.constantFrom(
      'clusters:',
      '\n',
      '  ',
      'alpha:',
      'host: x',
      ' ',
      '- ',
      '[',
      '{',
      '*a',
      '&a ',
      '? ',
      '!!binary x',
      '"',
      '1',
      ': ',
      '#',
      '<<: *a',
      '|',
      'null',
      '0x1F',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
        ),
        (text) => {
          try {
            parse(text);
          } catch (cause) {
            expect(cause).toBeInstanceOf(ConfigurationError);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('the file', () => {
  it('that is not there is a fault which says what to do', async () => {
    const file = join(tmpdir(), 'slurmql-no-such-directory', 'clusters.yaml');
    await expect(readClustersFile(file)).rejects.toThrow(ConfigurationError);
    await expect(readClustersFile(file)).rejects.toThrow('no such file. Copy the example clusters.yaml');
  });

  it('is read, and its faults name it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'slurmql-config-'));
    const file = join(directory, 'clusters.yaml');
    await writeFile(file, 'clusters: { alpha: { host: x } }\n');
    expect((await readClustersFile(file)).map(({ name }) => name)).toEqual(['alpha']);
    await writeFile(file, 'clusters: { alpha: {} }\n');
    await expect(readClustersFile(file)).rejects.toThrow(`${file}:1:20: clusters.alpha.host: is missing`);
    await expect(readClustersFile(directory)).rejects.toThrow(ConfigurationError);
    await rm(directory, { recursive: true });
  });
});
