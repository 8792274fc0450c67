import { homedir } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigurationError, readEnvironment } from './environment.ts';

const TERMINAL = { isInteractive: false, directory: '/srv/slurmql' };
const read = (variables: Readonly<Record<string, string | undefined>>) => readEnvironment(variables, TERMINAL);

/** The lines of the refusal. */
function faults(variables: Readonly<Record<string, string | undefined>>): string[] {
  try {
    read(variables);
  } catch (cause) {
    if (cause instanceof ConfigurationError) return cause.message.split('\n');
    throw cause;
  }
  throw new Error('the environment was accepted');
}

describe('an environment in which nothing is set', () => {
  it('has a default for everything', () => {
    expect(read({ HOME: '/home/ada', USER: 'ada' })).toEqual({
      configFiles: ['/srv/slurmql/clusters.local.yaml', '/srv/slurmql/clusters.yaml'],
      dataDirectory: '/srv/slurmql/data',
      databaseFile: '/srv/slurmql/data/slurmql.db',
      host: '127.0.0.1',
      port: 4000,
      token: null,
      allowedOrigins: [],
      trustedProxies: [],
      logLevel: 'info',
      logFormat: 'json',
      homeDirectory: '/home/ada',
      userName: 'ada',
      agentSocket: null,
      gitVariables: { HOME: '/home/ada' },
    });
  });

  it("knows whose process it is without the shell's help", () => {
    const { homeDirectory, userName } = read({});
    expect(homeDirectory).toBe(homedir());
    expect(userName).not.toBe('');
  });

  it('logs for people on a terminal', () => {
    expect(readEnvironment({}, { ...TERMINAL, isInteractive: true }).logFormat).toBe('pretty');
    expect(readEnvironment({ LOG_FORMAT: 'json' }, { ...TERMINAL, isInteractive: true }).logFormat).toBe('json');
  });

  it('is the same as one in which everything is empty', () => {
    const empty = Object.fromEntries(
      [
        'SLURMQL_CONFIG',
        'SLURMQL_DATA_DIR',
        'SLURMQL_DATABASE_URL',
        'HOST',
        'PORT',
        'SLURMQL_TOKEN',
        'SLURMQL_ALLOWED_ORIGINS',
        'SLURMQL_TRUSTED_PROXIES',
        'LOG_LEVEL',
        'LOG_FORMAT',
      ].map((name) => [name, '']),
    );
    expect(read(empty)).toEqual(read({}));
  });
});

describe('what is set', () => {
  it('is taken', () => {
    expect(
      read({
        SLURMQL_CONFIG: 'etc/clusters.yaml',
        SLURMQL_DATA_DIR: '/var/lib/slurmql',
        HOST: '0.0.0.0',
        PORT: '0',
        SLURMQL_TOKEN: 'sixteen-letters!',
        LOG_LEVEL: 'debug',
        LOG_FORMAT: 'pretty',
        SSH_AUTH_SOCK: '/run/agent',
      }),
    ).toMatchObject({
      configFiles: ['/srv/slurmql/etc/clusters.yaml'],
      dataDirectory: '/var/lib/slurmql',
      databaseFile: '/var/lib/slurmql/slurmql.db',
      host: '0.0.0.0',
      port: 0,
      token: 'sixteen-letters!',
      logLevel: 'debug',
      logFormat: 'pretty',
      agentSocket: '/run/agent',
    });
  });

  it('names the database by a URL with a path', () => {
    expect(read({ SLURMQL_DATABASE_URL: 'sqlite:/var/db/x.db' }).databaseFile).toBe('/var/db/x.db');
    expect(read({ SLURMQL_DATABASE_URL: 'sqlite:x.db' }).databaseFile).toBe('/srv/slurmql/x.db');
  });

  it.each([
    ['https://lab.example.org', ['https://lab.example.org']],
    ['https://LAB.example.org:443/, http://localhost:8888', ['https://lab.example.org', 'http://localhost:8888']],
    [' http://[::1]:3000\nvscode-webview://abc ', ['http://[::1]:3000', 'vscode-webview://abc']],
    ['*', ['*']],
    [' , ', []],
  ])('lets pages of %j in', (text, origins) => {
    expect(read({ SLURMQL_ALLOWED_ORIGINS: text }).allowedOrigins).toEqual(origins);
  });

  it('names the proxies that are believed, by address or subnet', () => {
    const trustedProxies = ['127.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8'];
    expect(read({ SLURMQL_TRUSTED_PROXIES: trustedProxies.join(', ') }).trustedProxies).toEqual(trustedProxies);
  });

  it('is meant from where npm was called, not from the workspace that npm changes to', () => {
    const { configFiles, dataDirectory } = read({ INIT_CWD: '/home/ada/slurmql' });
    expect([configFiles[1], dataDirectory]).toEqual(['/home/ada/slurmql/clusters.yaml', '/home/ada/slurmql/data']);
  });
});

describe('faults', () => {
  it.each([
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '0x10'],
    ['PORT', '80.5'],
    ['PORT', 'http'],
    ['PORT', ' 80'],
    ['LOG_LEVEL', 'verbose'],
    ['LOG_LEVEL', 'INFO'],
    ['LOG_FORMAT', 'xml'],
    ['SLURMQL_DATABASE_URL', 'mysql://host/x'],
    ['SLURMQL_DATABASE_URL', 'sqlite:'],
    ['SLURMQL_DATABASE_URL', '/var/db/x.db'],
    ['SLURMQL_ALLOWED_ORIGINS', 'lab.example.org'],
    ['SLURMQL_ALLOWED_ORIGINS', 'https://lab.example.org, https://'],
    ['SLURMQL_ALLOWED_ORIGINS', 'https://lab.example.org/notebooks'],
    ['SLURMQL_ALLOWED_ORIGINS', 'https://ada@lab.example.org'],
    ['SLURMQL_ALLOWED_ORIGINS', 'https://*.example.org'],
    ['SLURMQL_ALLOWED_ORIGINS', 'null'],
    ['SLURMQL_TRUSTED_PROXIES', 'proxy.example.org'],
    ['SLURMQL_TRUSTED_PROXIES', '10.0.0.0/33'],
    ['SLURMQL_TRUSTED_PROXIES', '10.0.0.0/8/8'],
    ['SLURMQL_TRUSTED_PROXIES', '127.0.0.1, *'],
    ['SLURMQL_TOKEN', 'too short'],
    ['SLURMQL_TOKEN', 'has a space in the middle'],
    ['SLURMQL_TOKEN', 'unprintable-\u007f-letters'],
    ['SLURMQL_TOKEN', 'schlüssel-mit-umlaut'],
  ])('name the variable and what it wants: %s=%j', (name, value) => {
    const lines = faults({ [name]: value });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(new RegExp(`^${name}\\b.*write `));
  });

  it('are all told at once, one line each', () => {
    const lines = faults({
      PORT: 'x',
      LOG_LEVEL: 'x',
      LOG_FORMAT: 'x',
      SLURMQL_TOKEN: 'x',
      SLURMQL_DATABASE_URL: 'x',
    });
    expect(lines.map((line) => /^[A-Z_]+/.exec(line)?.[0]).sort()).toEqual([
      'LOG_FORMAT',
      'LOG_LEVEL',
      'PORT',
      'SLURMQL_DATABASE_URL',
      'SLURMQL_TOKEN',
    ]);
  });

  it('never repeat a secret', () => {
    expect(faults({ SLURMQL_TOKEN: 'hunter2 hunter2 hunter2' }).join()).not.toContain('hunter2');
    expect(faults({ SLURMQL_TOKEN: 'hunter2' }).join()).not.toContain('hunter2');
    expect(faults({ SLURMQL_DATABASE_URL: 'postgres://ada:hunter2@db.example.org/slurmql' }).join()).not.toContain(
      'hunter2',
    );
  });

  it('are the only thing that can be wrong with an environment', () => {
    const value = fc.option(fc.string(), { nil: undefined });
    const variables = fc.record({
      PORT: value,
      LOG_LEVEL: value,
      LOG_FORMAT: value,
      SLURMQL_TOKEN: value,
      SLURMQL_DATABASE_URL: value,
      HOST: value,
    });
    fc.assert(
      fc.property(variables, (environment) => {
        try {
          const { port } = read(environment);
          expect(port).toBeGreaterThanOrEqual(0);
          expect(port).toBeLessThanOrEqual(65_535);
        } catch (cause) {
          expect(cause).toBeInstanceOf(ConfigurationError);
        }
      }),
    );
  });
});

it('gives git what it needs to find its configuration, and nothing that was set for other programs', () => {
  const given = { PATH: '/bin', HOME: '/home/ada', XDG_CONFIG_HOME: '/etc/ada', SUDO_UID: '1000' };
  const other = { SLURMQL_TOKEN: 'a-token-for-tests-only', GIT_DIR: '/srv/other', GIT_INDEX_FILE: '/nowhere' };
  expect(read({ ...given, ...other }).gitVariables).toEqual(given);
});
