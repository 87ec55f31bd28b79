import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as React from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import type { MdNode } from '../src/generated/view';
import { Markdown } from '../src/Markdown';
import { linkTarget } from '../src/safe-url';

const ORIGIN = 'https://perses.example';

function html(...c: MdNode[]): string {
  return renderToStaticMarkup(<Markdown tree={{ c }} origin={ORIGIN} />);
}
const text = (x: string): MdNode => ({ t: 'text', x });
const p = (...c: MdNode[]): MdNode => ({ t: 'p', c });

test('HTML from an answer is shown as the text that it is', () => {
  const out = html(
    { t: 'html', x: '<img src=x onerror=alert(1)>' },
    p({ t: 'inlinehtml', x: '<script>alert(1)</script>' }),
  );
  assert.ok(!/<img|<script/.test(out), out);
  assert.ok(out.includes('&lt;script&gt;'), out);
});

test('an image is never loaded; its text and source are shown', () => {
  const out = html(p({ t: 'img', u: 'https://evil.example/p.png?d=secret', c: [text('chart')] }));
  assert.ok(!/<img|src=|url\(/.test(out), out);
  assert.ok(out.includes('Image: chart'), out);
  assert.ok(out.includes('evil.example'), out);
});

test('a link without a target that may be followed is only text', () => {
  for (const u of [
    undefined,
    'javascript:alert(1)',
    'data:text/html,x',
    'java\nscript:alert(1)',
    'vbscript:x',
    'https://',
    'https://a:b@x.example/',
  ]) {
    const out = html(p({ t: 'a', u, c: [text('click')] }));
    assert.ok(!/href|<button|<a[ >]/.test(out), `${u}: ${out}`);
    assert.ok(out.includes('click'));
  }
});

test('a link inside this origin is a plain link', () => {
  const out = html(p({ t: 'a', u: '/projects/demo', c: [text('demo')] }));
  assert.ok(out.includes('href="https://perses.example/projects/demo"'), out);
  assert.ok(!out.includes('<dialog'), out);
});

test('a link that leaves shows the real host and asks first, even where the core named no host', () => {
  for (const u of ['https://other.example/x', '//other.example/x', '\\\\other.example/x']) {
    const out = html(p({ t: 'a', u, c: [text('perses.example')] }));
    assert.ok(out.includes('(other.example)'), out);
    assert.match(out, /<button[^>]*aria-haspopup="dialog"/);
    assert.match(out, /<dialog[^>]*>.*rel="noopener noreferrer".*<\/dialog>/s);
    const beforeDialog = out.slice(0, out.indexOf('<dialog'));
    assert.ok(!beforeDialog.includes('href='), 'the link itself can’t be followed without the question');
  }
});

test('a host that looks like ours is shown in its real spelling', () => {
  assert.equal(linkTarget('https://perses.example@evil.example/', ORIGIN), undefined);
  assert.equal(linkTarget('https://регsеs.example/', ORIGIN)?.host?.startsWith('xn--'), true);
});

test('every kind of node is drawn', () => {
  const out = html(
    { t: 'h', n: 1, c: [text('Title')] },
    { t: 'list', n: 3, b: true, c: [{ t: 'item', b: true, c: [p(text('done'))] }] },
    {
      t: 'table',
      align: 'lr',
      c: [
        {
          t: 'row',
          c: [
            { t: 'cell', c: [text('h')] },
            { t: 'cell', c: [text('n')] },
          ],
        },
        {
          t: 'row',
          c: [
            { t: 'cell', c: [text('a')] },
            { t: 'cell', c: [text('1')] },
          ],
        },
      ],
    },
    { t: 'code', i: 'promql {x}', x: 'up == 0' },
    {
      t: 'quote',
      c: [
        p(
          { t: 'em', c: [text('e')] },
          { t: 'strong', c: [text('s')] },
          { t: 'del', c: [text('d')] },
          { t: 'codespan', x: 'c' },
          { t: 'br' },
          { t: 'soft' },
        ),
      ],
    },
    { t: 'hr' },
  );
  for (const part of [
    '<h3>Title</h3>',
    '<ol start="3"',
    'checked=""',
    '<th scope="col" style="text-align:left">h</th>',
    '<td style="text-align:right">1</td>',
    '<span>promql</span>',
    'up == 0',
    '<blockquote>',
    '<em>e</em>',
    '<strong>s</strong>',
    '<del>d</del>',
    '<code>c</code>',
    '<br/>',
    '<hr/>',
  ]) {
    assert.ok(out.includes(part), `${part} in ${out}`);
  }
});
