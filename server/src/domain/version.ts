import manifest from '../../package.json' with { type: 'json' };

/** Of this program (semver.org). */
export const VERSION: string = manifest.version;
