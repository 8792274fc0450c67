import type { LoginPrompt } from '../../clusters/index.ts';
import { builder } from '../builder.ts';

const LoginPromptLine = builder.objectRef<LoginPrompt['prompts'][number]>('LoginPromptLine').implement({
  description: 'One prompt of a login.',
  fields: (t) => ({
    text: t.exposeString('text', { description: "The server's own words." }),
    isSecret: t.exposeBoolean('isSecret', { description: 'The answer must not be visible while it is typed.' }),
  }),
});

export const LoginPromptRef = builder.objectRef<LoginPrompt>('LoginPrompt').implement({
  description: 'What a host asks before it accepts the login. Answer with `answerLogin`.',
  fields: (t) => ({
    id: t.exposeString('id', {
      description: 'Identifies this prompt. The next one has another id, even if it asks the same.',
    }),
    host: t.exposeString('host', {
      description: 'The machine that asks, as user@host: the login node or a jump host.',
    }),
    name: t.exposeString('name', { description: "A heading in the server's own words; often empty." }),
    instruction: t.exposeString('instruction', { description: "The server's own words; often empty." }),
    prompts: t.field({
      type: [LoginPromptLine],
      description: 'The prompts to answer, in this order.',
      resolve: ({ prompts }) => [...prompts],
    }),
    isRepeated: t.exposeBoolean('isRepeated', { description: 'The previous answers were wrong.' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      description: 'When the login attempt ends if nobody answers.',
    }),
  }),
});
