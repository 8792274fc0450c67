import { describe, expect, it } from 'vitest';
import type { ClusterSettings } from '../domain/cluster.ts';
import { ArgumentsError, chosenClusters, readArguments } from './arguments.ts';

describe('a command line', () => {
  it.each([
    [[], { command: 'start' }],
    [['start'], { command: 'start' }],
    [['--help'], { command: 'help' }],
    [['doctor', '-h'], { command: 'help' }],
    [['--version'], { command: 'version' }],
    [['-v'], { command: 'version' }],
    [['doctor'], { command: 'doctor', clusters: [], asJson: false }],
    [['doctor', '--json', 'beta', 'alpha', 'beta'], { command: 'doctor', clusters: ['beta', 'alpha'], asJson: true }],
    [['doctor', '--', '--json'], { command: 'doctor', clusters: ['--json'], asJson: false }],
  ])('%j asks for %j', (words, wanted) => {
    expect(readArguments(words)).toEqual(wanted);
  });

  it.each([
    [['docter'], 'There is no command "docter"; did you mean "doctor"?'],
    [['sing'], 'There is no command "sing"'],
    [['doctor', '--jsno'], "Unknown option '--jsno'"],
    [['doctor', '--json=no'], "Option '--json' does not take an argument"],
    [['--json'], 'The server takes no arguments, only the environment: --json'],
    [['start', 'alpha'], 'The server takes no arguments, only the environment: start alpha'],
  ])('%j is refused in one line', (words, message) => {
    expect(() => readArguments(words)).toThrow(new ArgumentsError(message));
  });
});

describe('the clusters that are meant', () => {
  const settings = ['alpha', 'beta', 'gamma'].map((name) => ({ name }) as ClusterSettings);
  const chosen = (...names: string[]) => chosenClusters(settings, names, 'clusters.yaml').map(({ name }) => name);

  it('are all of them, or those that are named, in the order of the file', () => {
    expect(chosen()).toEqual(['alpha', 'beta', 'gamma']);
    expect(chosen('gamma', 'alpha')).toEqual(['alpha', 'gamma']);
  });

  it('have to be there', () => {
    expect(() => chosen('alpha', 'gama')).toThrow(
      new ArgumentsError('clusters.yaml has no cluster "gama"; did you mean "gamma"?'),
    );
    expect(() => chosenClusters([], ['alpha'], 'clusters.yaml')).toThrow('clusters.yaml has no cluster "alpha"');
  });
});
