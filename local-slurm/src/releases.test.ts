import { expect, test } from 'vitest';
import { mirrorOf } from './base.ts';
import { cgroupConf, RELEASES, releaseNamed, versionOf } from './releases.ts';

test("Slurm's version is read out of that of its package", () => {
  expect(versionOf('20.11.7+really20.11.4-2+deb11u1')).toBe('20.11.4');
  expect(versionOf('22.05.8-4+deb12u3')).toBe('22.05.8');
  expect(versionOf('1:24.11.5-4')).toBe('24.11.5');
});

test('an unknown release is refused with those that there are', () => {
  expect(releaseNamed('24.11')).toBe(RELEASES['24.11']);
  for (const name of ['19.05', 'toString', ''])
    expect(() => releaseNamed(name)).toThrow(`No release ${name}; there are 20.11, 22.05, 24.11, 26.05.`);
});

test('slurmd is kept from cgroups where it would use them by itself, in the words that it knows', () => {
  expect(['20.11.4', '22.05.8', '23.02.1'].map(cgroupConf)).toEqual(['', '', '']);
  expect(['23.11.4', '24.11.5', '26.05.5'].map(cgroupConf)).toEqual(Array(3).fill('CgroupPlugin=disabled\n'));
});

test("the mirror is that of this machine's own packages of Debian", () => {
  const targets = [
    'Debian|bookworm-security|http://deb.example.org/debian-security/',
    'Debian|bookworm-updates|http://deb.example.org/debian/',
    'Elsewhere|bookworm|https://packages.example.com/elsewhere/',
    '|stable|file:/srv/debian/',
  ];
  expect(mirrorOf(targets.join('\n'))).toBe('');
  expect(mirrorOf([...targets, 'Debian|bookworm|http://proxy.example.org/debian-cache/'].join('\n'))).toBe(
    'http://proxy.example.org/debian-cache/',
  );
  // Before the first "apt-get update" no origin is known.
  expect(mirrorOf([...targets, '|bookworm|https://deb.example.org/debian'].join('\n'))).toBe(
    'https://deb.example.org/debian',
  );
});
