// A markdown tree → React elements. No HTML string is made, no image or other remote resource is asked for: what is not
// plain markup is shown as text.

import * as React from 'react';
import { memo } from 'react';
import { CopyButton } from './CopyButton';
import { ExternalLink } from './ExternalLink';
import type { MdNode } from './generated/view';
import { linkTarget } from './safe-url';
import type { MdTree } from './tree';

/** `origin`: this page's, to tell links that leave it. */
export const Markdown = memo(function Markdown({ tree, origin }: { tree: MdTree; origin: string }): React.ReactElement {
  return <div className="persai-md">{children(tree.c, origin)}</div>;
});

function children(nodes: readonly MdNode[] | undefined, origin: string): React.ReactNode {
  return nodes?.map((node, index) => <Node key={index} node={node} origin={origin} />);
}

interface NodeProps {
  node: MdNode;
  origin: string;
}

/** Renders again only for another node object: untouched nodes keep theirs. */
const Node = memo(function Node({ node, origin }: NodeProps): React.ReactElement {
  switch (node.t) {
    case 'text':
      return <>{node.x}</>;
    case 'soft':
      return <>{'\n'}</>;
    case 'br':
      return <br />;
    case 'em':
      return <em>{children(node.c, origin)}</em>;
    case 'strong':
      return <strong>{children(node.c, origin)}</strong>;
    case 'del':
      return <del>{children(node.c, origin)}</del>;
    case 'codespan':
      return <code>{node.x}</code>;
    case 'a':
      return <Link node={node} origin={origin} />;
    case 'img':
      return <ImageAsText node={node} origin={origin} />;
    case 'html':
      return <pre className="persai-md-html">{node.x}</pre>;
    case 'inlinehtml':
      return <span className="persai-md-html">{node.x}</span>;
    case 'h':
      // The page has its own headings above ours.
      return React.createElement(`h${Math.min(6, (node.n ?? 1) + 2)}`, null, children(node.c, origin));
    case 'hr':
      return <hr />;
    case 'quote':
      return <blockquote>{children(node.c, origin)}</blockquote>;
    case 'code':
      return <CodeBlock node={node} />;
    case 'list':
      return node.n === undefined ? (
        <ul data-tight={node.b}>{children(node.c, origin)}</ul>
      ) : (
        <ol start={node.n} data-tight={node.b}>
          {children(node.c, origin)}
        </ol>
      );
    case 'item':
      return (
        <li data-task={node.b !== undefined || undefined}>
          {node.b !== undefined && (
            <input type="checkbox" checked={node.b} disabled readOnly aria-label={node.b ? 'Done' : 'To do'} />
          )}
          {children(node.c, origin)}
        </li>
      );
    case 'table':
      return <Table node={node} origin={origin} />;
    default:
      // `p`, and rows or cells outside a table, which the core does not send.
      return <p>{children(node.c, origin)}</p>;
  }
});

function Link({ node, origin }: NodeProps): React.ReactElement {
  const target = linkTarget(node.u, origin);
  if (!target) return <span title={node.i}>{children(node.c, origin)}</span>;
  if (!target.host) {
    return (
      <a href={target.href} title={node.i}>
        {children(node.c, origin)}
      </a>
    );
  }
  return (
    <ExternalLink href={target.href} host={target.host}>
      {children(node.c, origin)}
    </ExternalLink>
  );
}

function ImageAsText({ node, origin }: NodeProps): React.ReactElement {
  return (
    <span className="persai-md-image">
      Image{node.c?.length ? ': ' : ''}
      {children(node.c, origin)} <code>{node.u}</code>
    </span>
  );
}

function CodeBlock({ node }: { node: MdNode }): React.ReactElement {
  const language = node.i?.split(/\s/)[0];
  return (
    <div className="persai-code">
      <div className="persai-code-bar">
        <span>{language}</span>
        <CopyButton name="Copy code" text={node.x ?? ''} />
      </div>
      <pre tabIndex={0}>
        <code>{node.x}</code>
      </pre>
    </div>
  );
}

const ALIGN = { l: 'left', c: 'center', r: 'right' } as const;

function Table({ node, origin }: NodeProps): React.ReactElement {
  const [head, ...body] = node.c ?? [];
  const style = (column: number): React.CSSProperties => ({
    textAlign: ALIGN[node.align?.[column] as keyof typeof ALIGN],
  });
  return (
    <div className="persai-md-table" role="region" aria-label="Table" tabIndex={0}>
      <table>
        <thead>
          <tr>
            {head?.c?.map((cell, column) => (
              <th key={column} scope="col" style={style(column)}>
                {children(cell.c, origin)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {body.map((row, index) => (
            <tr key={index}>
              {row.c?.map((cell, column) => (
                <td key={column} style={style(column)}>
                  {children(cell.c, origin)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
