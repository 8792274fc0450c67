import { createMemo, For, type JSX } from 'solid-js';
import { parseAnsi, type TextStyle } from './ansi.ts';
import type { LogLine } from './log-buffer.ts';

/** One line in its colours. The text goes in as text nodes: nothing that a job prints becomes markup. */
export function LogLineRow(props: { readonly line: LogLine }): JSX.Element {
  const parts = createMemo(() => parseAnsi(props.line.text, props.line.style).parts);
  return (
    <div class="min-h-5">
      <For each={parts()}>{(part) => <span style={toCss(part.style)}>{part.text}</span>}</For>
    </div>
  );
}

function toCss(style: TextStyle): JSX.CSSProperties {
  const color = style.color ?? 'var(--log-ink)';
  const background = style.background ?? 'var(--log-surface)';
  return {
    ...((style.color !== null || style.isInverse) && { color: style.isInverse ? background : color }),
    ...((style.background !== null || style.isInverse) && { 'background-color': style.isInverse ? color : background }),
    ...(style.isBold && { 'font-weight': '700' }),
    ...(style.isFaint && { opacity: '0.7' }),
    ...(style.isItalic && { 'font-style': 'italic' }),
    ...(style.isUnderlined && { 'text-decoration': 'underline' }),
  };
}
