import manifest from '../../package.json' with { type: 'json' };

/** Node's options with which `npm start` runs the server. */
export const PRODUCT_OPTIONS: readonly string[] = (
  / node ((?:--\S+ )*)server\/dist\/main\.js$/.exec(manifest.scripts.start)?.[1] ?? ''
)
  .split(' ')
  .filter((option) => option !== '');
