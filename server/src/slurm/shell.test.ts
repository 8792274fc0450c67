import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quote } from '../ssh/index.ts';
import { quoteAll, type Section, script, unsetByPrefix } from './shell.ts';
import { runSection, runShell } from './testing.ts';

/** Text that a shell word can hold: everything but NUL, and no half of a surrogate pair, which has no UTF-8. */
const word = fc.string({ unit: 'binary', maxLength: 40 }).filter((text) => !text.includes('\0'));

describe('quoting', () => {
  it('gives a word that a real shell takes as it is, whatever is in it', async () => {
    const nasty = [
      '',
      "'",
      "''",
      "it's",
      '"; rm -rf "$HOME"; "',
      '$(touch hacked) `touch hacked` $HOME',
      "'; echo forged; '",
      '\\',
      "\\'",
      'line\nbreak\n',
      'carriage\rreturn',
      '*?[a-z]~!#&|<>(){};',
      '-n',
      '--',
      ' spaces\tand tabs ',
      'ümläut 🐧 \u{10ffff}',
      '\x01\x1b\x7f',
    ];
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 12 }), async (random) => {
        const words = [...nasty, ...random];
        const { stdout } = await runShell('/bin/sh', `printf '%s\\036' ${quoteAll(words)}\n`);
        expect(stdout).toBe(words.map((each) => `${each}\x1e`).join(''));
      }),
      { numRuns: 40 },
    );
  });

  it('refuses NUL, which would end the word in the middle', () => {
    expect(() => quote('a\0b')).toThrow(TypeError);
  });
});

describe('the frame of a script', () => {
  const sections: readonly Section[] = [
    { name: 'plain', command: "printf 'one\\ntwo'" },
    { name: 'empty', command: 'true' },
    { name: 'failed', command: 'printf partial; (exit 127)' },
    { name: 'newlines', command: "printf '\\n\\nmiddle\\n\\n'" },
  ];
  const truth = {
    plain: { exitCode: 0, output: 'one\ntwo' },
    empty: { exitCode: 0, output: '' },
    failed: { exitCode: 127, output: 'partial' },
    newlines: { exitCode: 0, output: '\n\nmiddle\n\n' },
  };

  it.each(['/bin/sh', 'bash'])('gives each section its own output and exit code in %s', async (shell) => {
    const framed = script(null, '', sections);
    const { stdout, exitCode } = await runShell(shell, framed.text);
    expect(Object.fromEntries(sections.map(({ name }) => [name, framed.read(stdout, name)]))).toEqual(truth);
    expect(exitCode).toBe(0);
  });

  it('knows nothing of a section that was never asked for', async () => {
    const framed = script(null, '', sections);
    expect(framed.read((await runShell('/bin/sh', framed.text)).stdout, 'other')).toBeNull();
  });

  it('reads the sections out of whatever the login prints around them', async () => {
    const framed = script(null, '', sections);
    const { stdout } = await runShell('/bin/sh', framed.text);
    const noise = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(noise, noise, (before, after) => {
        for (const [name, section] of Object.entries(truth)) {
          expect(framed.read(`${before}${stdout}${after}`, name)).toEqual(section);
        }
      }),
    );
  });

  it('tells its own errors from what the login complained of before', async () => {
    const ask = script(null, '', [{ name: 'only', command: 'echo mine >&2' }]);
    const { stderr } = await runShell('/bin/sh', `echo "squeue: error: not mine" >&2\n${ask.text}`);
    expect(ask.errors(stderr)).toBe('mine\n');
    expect(ask.errors('it never began')).toBe('it never began');
  });

  it('takes no frame of an earlier run for its own', async () => {
    const earlier = script(null, '', sections);
    const { stdout } = await runShell('/bin/sh', earlier.text);
    expect(script(null, '', sections).read(stdout, 'plain')).toBeNull();
  });

  it('gives the whole truth or nothing for output that ends at any byte', async () => {
    const framed = script(null, '', sections);
    const bytes = Buffer.from((await runShell('/bin/sh', framed.text)).stdout);
    let whole = 0;
    for (let length = 0; length <= bytes.length; length += 1) {
      const prefix = bytes.subarray(0, length).toString();
      for (const [name, section] of Object.entries(truth)) {
        const read = framed.read(prefix, name);
        if (read === null) continue;
        expect(read).toEqual(section);
        whole += 1;
      }
    }
    expect(whole).toBeGreaterThan(0);
  });

  it('gives the whole truth or nothing for a random output that ends at a random byte', async () => {
    await fc.assert(
      fc.asyncProperty(word, fc.integer({ min: 0, max: 255 }), fc.nat(), async (output, exitCode, seed) => {
        const framed = script(null, '', [{ name: 'only', command: `printf %s ${quote(output)}; (exit ${exitCode})` }]);
        const bytes = Buffer.from((await runShell('/bin/sh', framed.text)).stdout);
        const cut = bytes.subarray(0, seed % (bytes.length + 1)).toString();
        expect([null, { exitCode, output }]).toContainEqual(framed.read(cut, 'only'));
        expect(framed.read(bytes.toString(), 'only')).toEqual({ exitCode, output });
      }),
      { numRuns: 60 },
    );
  });

  it('leaves the rest of the script to the shell and not to a command that reads its input', async () => {
    const framed = script(null, '', [
      { name: 'greedy', command: 'cat' },
      { name: 'next', command: 'echo here' },
    ]);
    const { stdout } = await runShell('/bin/sh', framed.text);
    expect([framed.read(stdout, 'greedy'), framed.read(stdout, 'next')]).toEqual([
      { exitCode: 0, output: '' },
      { exitCode: 0, output: 'here\n' },
    ]);
  });

  it('has no section when the preamble gives up', async () => {
    const framed = script(null, 'cd /nowhere 2>/dev/null || exit', [{ name: 'only', command: 'echo here' }]);
    expect(framed.read((await runShell('/bin/sh', framed.text)).stdout, 'only')).toBeNull();
  });

  it('runs with the search path it is given, quoted, and exports it to commands', async () => {
    const path = "/opt/slurm's bin:/usr/bin:/bin";
    const framed = script({ PATH: path }, '', [{ name: 'path', command: 'env | sed -n s/^PATH=//p' }]);
    expect(await runSection(framed, 'path')).toEqual({ exitCode: 0, output: `${path}\n` });
  });

  // Each prefix is one shell, so bash gets a few of them only.
  it.each([
    ['/bin/sh', 1],
    ['bash', 13],
  ])('does nothing in %s when the script ends too early, at any byte', async (shell, step) => {
    const directory = mkdtempSync(join(tmpdir(), 'slurmql-shell-'));
    try {
      const touch = (name: string) => `touch ${quote(join(directory, name))}`;
      const { text } = script(null, `${touch('preamble')} || exit`, [
        { name: 'first', command: `${touch('first')}\nif true; then\n  ${touch("it's")}\nfi` },
        { name: 'second', command: `(\n  ${touch('second')}\n) &\nwait $!` },
      ]);
      const bytes = Buffer.from(text);
      // What lacks nothing but its last line feed is all there.
      const lengths = Array.from({ length: bytes.length - 1 }, (_, length) => length).filter((n) => n % step === 0);
      for (let start = 0; start < lengths.length; start += 16) {
        await Promise.all(
          lengths.slice(start, start + 16).map((length) => runShell(shell, bytes.subarray(0, length).toString())),
        );
        expect(readdirSync(directory), `a prefix of ${start} to ${start + 15} bytes`).toEqual([]);
      }
      await runShell(shell, text);
      expect(readdirSync(directory).sort()).toEqual(['first', "it's", 'preamble', 'second']);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('taking variables out of the environment by prefix', () => {
  const show = `${unsetByPrefix(['SQUEUE_', 'SLURM_CLUSTERS'])}\nenv | sed -n 's/^\\(S[A-Z_]*\\)=.*/\\1/p' | sort\n`;
  const remaining = async (environment: Readonly<Record<string, string>>) => {
    const { stdout, stderr } = await runShell('/bin/sh', show, {
      environment: { PATH: process.env['PATH'] ?? '', ...environment },
    });
    return { names: stdout.split('\n').filter(Boolean), stderr };
  };

  it('takes those and leaves all others', async () => {
    expect(
      await remaining({ SQUEUE_STATES: 'R', SQUEUE_FORMAT: '%i %C', SLURM_CLUSTERS: 'beta', SLURM_CONF: '/etc/s' }),
    ).toEqual({ names: ['SLURM_CONF'], stderr: '' });
  });

  it('takes a variable whose value has several lines, and is not led astray by those lines', async () => {
    expect(await remaining({ SQUEUE_FORMAT: 'a\nSLURM_CONF=b\nc', SLURM_CONF: '/etc/slurm.conf' })).toEqual({
      names: ['SLURM_CONF'],
      stderr: '',
    });
  });

  it('takes a variable whose value is no text in the locale of the login', async () => {
    const environment = { SLURM_CONF: '/etc/slurm.conf', LC_ALL: 'C.UTF-8' };
    const { stdout, stderr } = await runShell(
      '/bin/sh',
      `SQUEUE_FORMAT=$(printf 'a\\377b'); export SQUEUE_FORMAT\n${show}`,
      { environment: { PATH: process.env['PATH'] ?? '', ...environment } },
    );
    expect({ stdout, stderr }).toEqual({ stdout: 'SLURM_CONF\n', stderr: '' });
  });
});
