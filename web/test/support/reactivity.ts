import { parseSync } from 'vite';

/** A place in the source where something reactive is read once, where it looks as if it were followed. */
export interface Snapshot {
  readonly line: number;
  readonly problem: string;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

/** Solid calls what stands between these tags with something that changes in place, and calls it once. */
const CONTROL_FLOW = new Set(['For', 'Index', 'Show', 'Match', 'Switch', 'Suspense', 'ErrorBoundary']);
const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

/**
 * Finds where a component, or a callback between the tags of `<For>` and its like, takes a value out of its props, its
 * item or a signal while it is set up: both run once, so what is taken out never changes again. Reads are followed within
 * JSX and within functions; one that is meant to be made once says so with `untrack(() => …)`.
 */
export function findSnapshots(file: string, source: string): Snapshot[] {
  const { program, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  const found: Snapshot[] = [];
  const report = (node: Node, problem: string): void => {
    found.push({ line: source.slice(0, node.start).split('\n').length, problem });
  };

  /** A function that runs once and what it is given. */
  function checkSetup(setup: Node, signals: ReadonlySet<string>): void {
    const parameters = setup['params'] as readonly Node[];
    for (const parameter of parameters) {
      if (parameter.type === 'ObjectPattern' || parameter.type === 'ArrayPattern') {
        report(parameter, 'a parameter is taken apart');
      }
    }
    const names = new Set(parameters.filter(({ type }) => type === 'Identifier').map((node) => String(node['name'])));
    const known = new Set([...signals, ...signalsOf(setup['body'] as Node)]);
    checkReads(setup['body'] as Node, names, known);
  }

  /** What is read while the function itself runs: not what stands in functions or in JSX within it. */
  function checkReads(node: Node, parameters: ReadonlySet<string>, signals: ReadonlySet<string>): void {
    if (FUNCTIONS.has(node.type) || node.type.startsWith('JSX')) return;
    const root = rootOf(node);
    if (root !== null && root !== node && parameters.has(String(root['name']))) {
      report(node, `${textOf(node)} is read once`);
      return;
    }
    if (node.type === 'VariableDeclarator' && isPattern(node['id']) && isParameter(node['init'], parameters)) {
      report(node, `${textOf(node)} is read once`);
    }
    if (node.type === 'CallExpression') {
      const callee = node['callee'] as Node;
      const name = callee.type === 'Identifier' ? String(callee['name']) : '';
      if (signals.has(name)) report(node, `${name}() is read once`);
    }
    for (const child of childrenOf(node)) checkReads(child, parameters, signals);
  }

  function textOf(node: Node): string {
    return source.slice(node.start, Number(node['end'])).replaceAll(/\s+/g, ' ').slice(0, 60);
  }

  /** Every component and every callback of control flow. */
  function visit(node: Node, signals: ReadonlySet<string>): void {
    let known = signals;
    if (isComponent(node)) {
      checkSetup(node, signals);
      known = new Set([...signals, ...signalsOf(node['body'] as Node)]);
    }
    if (node.type === 'JSXElement' && CONTROL_FLOW.has(tagOf(node))) {
      for (const child of node['children'] as readonly Node[]) {
        const callback = child.type === 'JSXExpressionContainer' ? (child['expression'] as Node) : child;
        if (FUNCTIONS.has(callback.type)) checkSetup(callback, known);
      }
    }
    for (const child of childrenOf(node)) visit(child, known);
  }

  visit(program as unknown as Node, new Set());
  return found;
}

/** By convention: a function with a capital letter. */
function isComponent(node: Node): boolean {
  const id = node['id'] as Node | null;
  return node.type === 'FunctionDeclaration' && id !== null && /^[A-Z]/.test(String(id['name']));
}

/** The signals and memos that a function makes, by name. */
function signalsOf(body: Node): string[] {
  const statements = body.type === 'BlockStatement' ? (body['body'] as readonly Node[]) : [];
  return statements
    .filter(({ type }) => type === 'VariableDeclaration')
    .flatMap((node) => node['declarations'] as readonly Node[])
    .flatMap((declarator) => {
      const init = declarator['init'] as Node | null;
      const callee = init?.type === 'CallExpression' ? (init['callee'] as Node) : null;
      const id = declarator['id'] as Node;
      if (callee?.['name'] === 'createMemo') return [String(id['name'])];
      if (callee?.['name'] !== 'createSignal' || id.type !== 'ArrayPattern') return [];
      const [reader] = id['elements'] as readonly (Node | null)[];
      return reader === null || reader === undefined ? [] : [String(reader['name'])];
    });
}

/** The identifier that a chain like `props.job.name` or `job().name` begins with. */
function rootOf(node: Node): Node | null {
  if (node.type === 'Identifier') return node;
  if (node.type === 'MemberExpression') return rootOf(node['object'] as Node);
  if (node.type === 'CallExpression') return rootOf(node['callee'] as Node);
  if (node.type === 'ChainExpression' || node.type === 'TSNonNullExpression') return rootOf(node['expression'] as Node);
  return null;
}

function tagOf(element: Node): string {
  const opening = element['openingElement'] as Node;
  return String((opening['name'] as Node)['name'] ?? '');
}

function isPattern(value: unknown): boolean {
  return isNode(value) && (value.type === 'ObjectPattern' || value.type === 'ArrayPattern');
}

function isParameter(value: unknown, parameters: ReadonlySet<string>): boolean {
  return isNode(value) && value.type === 'Identifier' && parameters.has(String(value['name']));
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value;
}

function childrenOf(node: Node): Node[] {
  return Object.values(node).flat().filter(isNode);
}
