import { describe, expect, it } from 'vitest';
import { publicAddress, withPublicAddresses } from './remote-address.ts';

describe('the address of a remote', () => {
  it.each([
    'https://git.example.org/ada/model.git',
    'https://git.example.org:8443/scm/~ada/llama-3-70B-instruct-finetuning.git',
    'https://dev.azure.com/lab/My%20Project/_git/model',
    'http://[2001:db8::1]:3000/x',
    'ssh://git@git.example.org:2222/ada/model.git',
    'git@git.example.org:ada/model.git',
    'gitlab:ada/model',
    'git://git.example.org/x',
    '/srv/git/my model.git',
    '../model',
    'file:///srv/git/model.git',
  ])('is shown whole where nothing in it can be secret: %s', (address) => {
    expect(publicAddress(address)).toBe(address);
  });

  const shown = 'https://git.example.org/ada/model.git';
  it.each([
    ['https://ada:HUSH@git.example.org/ada/model.git', shown],
    ['https://HUSH@git.example.org/ada/model.git', shown],
    ['https://:HUSH@git.example.org/ada/model.git', shown],
    ['https://ada:HU@S@H@git.example.org/ada/model.git', shown],
    ['https://ada:%48USH%40@git.example.org/ada/model.git', shown],
    ['https://git.example.org/ada/model.git?private_token=HUSH', shown],
    ['https://git.example.org/ada/model.git#HUSH', shown],
    ['https://git.example.org/ada/model.git?a@b=HUSH', null],
    ['https://ada:HU/SH@git.example.org/ada/model.git', null],
    ['https://ada:HU?SH@git.example.org/ada/model.git', null],
    ['https://ada:HU#SH@git.example.org/ada/model.git', null],
    ['https://ada:HU\\SH@git.example.org/ada/model.git', null],
    ['https://ada:HUSH%40git.example.org/ada/model.git', null],
    ['https://ada:HUSH＠git.example.org/ada/model.git', null],
    ['https:/ada:HUSH@git.example.org/ada/model.git', null],
    ['https:ada:HUSH@git.example.org/ada/model.git', null],
    ['ada:HUSH@git.example.org:ada/model.git', null],
    ['ada:HUSH@git.example.org/ada/model.git', null],
    ['[ada:HUSH@git.example.org]:ada/model.git', null],
    ['https:///ada:HUSH@git.example.org/model.git', null],
    ['ssh://git:HUSH@git.example.org/ada/model.git', 'ssh://git@git.example.org/ada/model.git'],
    ['ssh://ghp_HUSHhush@git.example.org/ada/model.git', 'ssh://git.example.org/ada/model.git'],
    ['git@git.example.org:ada/model.git?token=HUSH', 'git@git.example.org:ada/model.git'],
    ['ftp://ada:HUSH@git.example.org/model.git', 'ftp://git.example.org/model.git'],
    ['https::https://ada:HUSH@git.example.org/x', null],
    ['ext::ssh -i HUSH git@git.example.org', null],
    ['https://git.example.org/token/HUSH/model.git', 'https://git.example.org/token/…/model.git'],
    ['https://git.example.org/glpat-HUSH/model.git', 'https://git.example.org/…/model.git'],
    ['https://git.example.org/%67hp_HUSH/model.git', 'https://git.example.org/…/model.git'],
    ['https://git.example.org/access_token=HUSH/model.git', 'https://git.example.org/…/model.git'],
    ['https://git.example.org/ada;auth=HUSH/model.git', 'https://git.example.org/…/model.git'],
    ['https://git.example.org/ada:HUSH/model.git', 'https://git.example.org/…/model.git'],
    ['https://git.example.org/0HUSH1234567890abcdef/model.git', 'https://git.example.org/…/model.git'],
    ['https://git.example.org/%ffHUSH/model.git', 'https://git.example.org/…/model.git'],
    ['file://ada:HUSH@host/x', 'file://host/x'],
    ['https://git.example.org/x\nhttps://ada:HUSH@git.example.org', null],
  ])('is shown without what may be secret: %s', (address, expected) => {
    expect(publicAddress(address)).toBe(expected);
  });

  it('is shown so in what git says of it, too', () => {
    const said =
      "fatal: unable to access 'https://ada:HU@SH@git.example.org/x?token=HUSH': not allowed, see ssh://a:b?c@d";
    expect(withPublicAddresses(said)).toBe("fatal: unable to access 'https://git.example.org/x': not allowed, see …");
  });

  it.each(['1://ada:pw@host/x', `${'9'.repeat(40)}://ada:pw@host/x`, `a${'9'.repeat(40)}://ada:pw@host/x`])(
    'tells nothing of a secret behind an odd scheme: %s',
    (address) => expect(withPublicAddresses(`fatal: unable to access '${address}'`)).not.toContain('pw'),
  );
});
