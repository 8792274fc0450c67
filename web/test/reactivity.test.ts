import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findSnapshots } from './support/reactivity.ts';

const source = join(import.meta.dirname, '../src');
const files = globSync('**/*.tsx', { cwd: source });

it.each(files)('%s follows whatever it shows', (file) => {
  expect(findSnapshots(file, readFileSync(join(source, file), 'utf8'))).toEqual([]);
});

describe('what is read once and looks as if it were followed is found', () => {
  it.each([
    [
      'a destructured item',
      'function A(props) { return <For each={props.all}>{({ count }) => <i>{count}</i>}</For>; }',
    ],
    ['destructured props', 'function A({ count }) { return <i>{count}</i>; }'],
    ['props taken apart', 'function A(props) { const { count } = props; return <i>{count}</i>; }'],
    ['a part of props taken apart', 'function A(props) { const { count } = props.part; return <i>{count}</i>; }'],
    ['a value of props', 'function A(props) { const count = props.count + 1; return <i>{count}</i>; }'],
    ['a condition', 'function A(props) { if (props.isOff) return null; return <i />; }'],
    [
      'a value of an item',
      'function A(props) { return <For each={props.all}>{(one) => { const name = one.name; return <i>{name}</i>; }}</For>; }',
    ],
    [
      'a value of what is shown',
      'function A(props) { return <Show when={props.one}>{(one) => { const { name } = one(); return name; }}</Show>; }',
    ],
    ['a signal', 'function A() { const [count] = createSignal(0); const twice = count() * 2; return <i>{twice}</i>; }'],
    ['a memo', 'function A() { const count = createMemo(() => 1); const twice = count() * 2; return <i>{twice}</i>; }'],
  ])('%s', (_name, text) => {
    expect(findSnapshots('a.tsx', text)).toHaveLength(1);
  });

  it.each([
    [
      'an item that is read in JSX',
      'function A(props) { return <For each={props.all}>{(one) => <i>{one.n}</i>}</For>; }',
    ],
    ['a derived value', 'function A(props) { const twice = () => props.count * 2; return <i>{twice()}</i>; }'],
    ['an event', 'function A(props) { return <i onClick={() => { const { id } = props.one; go(id); }} />; }'],
    ['what says so', 'function A(props) { const id = untrack(() => props.id); return <i>{id}</i>; }'],
  ])('and %s is not', (_name, text) => {
    expect(findSnapshots('a.tsx', text)).toEqual([]);
  });
});
