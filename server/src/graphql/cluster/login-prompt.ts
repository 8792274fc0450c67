import type { LoginPrompt } from '../../clusters/index.ts';
import { builder } from '../builder.ts';

const LoginPromptLine = builder.objectRef<LoginPrompt['prompts'][number]>('LoginPromptLine').implement({
  description: 'One thing that a login asks.',
  fields: (t) => ({
    text: t.exposeString('text', { description: "The server's own words." }),
    isSecret: t.exposeBoolean('isSecret', { description: 'The answer must not be shown while it is typed.' }),
  }),
});

export const LoginPromptRef = builder.objectRef<LoginPrompt>('LoginPrompt').implement({
  description: 'What a host asks before it lets the server in. Answered with `answerLogin`.',
  fields: (t) => ({
    id: t.exposeString('id', {
      description: 'Names this question alone: the next one, even if it is the same, has another.',
    }),
    host: t.exposeString('host', {
      description: 'Which machine on the way asks, as user@host: the login node, or a jump host.',
    }),
    name: t.exposeString('name', { description: "A heading in the server's own words; often empty." }),
    instruction: t.exposeString('instruction', { description: "The server's own words; often empty." }),
    prompts: t.field({
      type: [LoginPromptLine],
      description: 'What to answer, in this order.',
      resolve: ({ prompts }) => [...prompts],
    }),
    isRepeated: t.exposeBoolean('isRepeated', { description: 'The answers before were wrong.' }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      description: 'Without an answer the login is given up then.',
    }),
  }),
});
