import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

/** Beside each file of a build that gets smaller by it: `.br` and `.gz`, as small as they get, for the server to send. */
export function compress(): Plugin {
  let directory = '';
  return {
    name: 'compress',
    apply: 'build',
    configResolved: ({ root, build }) => {
      directory = join(root, build.outDir);
    },
    closeBundle: () => {
      for (const name of globSync('**/*.{html,js,css,svg}', { cwd: directory })) {
        const path = join(directory, name);
        const content = readFileSync(path);
        const params = { [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
        const forms = { br: brotliCompressSync(content, { params }), gz: gzipSync(content, { level: 9 }) };
        for (const [extension, form] of Object.entries(forms)) {
          if (form.length < content.length) writeFileSync(`${path}.${extension}`, form);
        }
      }
    },
  };
}
