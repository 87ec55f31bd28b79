// Styles of what stands in a conversation: messages, markdown, tool calls, panels, trouble.

export const CONTENT_STYLES = `
.persai-message { padding: 10px 0; min-width: 0; overflow-wrap: anywhere; }
.persai-message-head { display: flex; align-items: baseline; gap: 8px; margin-bottom: 3px; font-size: 12.5px; color: var(--persai-quiet); }
.persai-message-head strong { color: var(--persai-text); font-weight: 600; }
.persai-question { padding: 9px 14px 11px; margin: 8px 0; border-radius: 10px; background: var(--persai-soft); }
.persai-plain { white-space: pre-wrap; }
.persai-actions { min-height: 28px; } .persai-actions .persai-button { margin-left: -6px; }
.persai-caret { display: inline-block; width: 8px; height: 15px; border-radius: 2px; background: var(--persai-accent); vertical-align: text-bottom; animation: persai-blink 1.1s steps(2, jump-none) infinite; }
.persai-activity { display: flex; align-items: center; gap: 8px; min-height: 26px; font-size: 13px; color: var(--persai-quiet); }
.persai-pulse { flex: none; width: 8px; height: 8px; border-radius: 50%; background: var(--persai-accent); animation: persai-pulse 1.4s ease-in-out infinite; }
.persai-notice { margin: 8px 0; padding: 6px 12px; border-left: 3px solid var(--persai-warn); background: var(--persai-softer); border-radius: 0 6px 6px 0; }
.persai-badge { padding: 0 7px; border: 1px solid currentColor; border-radius: 9px; font-size: 11.5px; line-height: 17px; color: var(--persai-quiet); white-space: nowrap; }

.persai-md strong { font-weight: 600; }
.persai-md > :first-child { margin-top: 0; }
.persai-md p { margin: 0 0 9px; }
.persai-md h3, .persai-md h4, .persai-md h5, .persai-md h6 { margin: 16px 0 6px; font-weight: 600; line-height: 1.35; font-size: 14px; }
.persai-md h3 { font-size: 18px; } .persai-md h4 { font-size: 16px; } .persai-md h5 { font-size: 15px; }
.persai-md ul, .persai-md ol { margin: 0 0 9px; padding-left: 22px; }
.persai-md li { margin: 2px 0; } .persai-md [data-tight=true] > li > p { margin: 0; }
.persai-md li[data-task] { list-style: none; margin-left: -20px; } .persai-md li[data-task] > input { margin: 0 6px 0 0; vertical-align: -2px; }
.persai-md li[data-task] > p:first-of-type { display: inline; }
.persai-md blockquote { margin: 0 0 9px; padding: 2px 0 2px 14px; border-left: 3px solid var(--persai-line); color: var(--persai-quiet); }
.persai-md hr { border: 0; border-top: 1px solid var(--persai-line); margin: 14px 0; }
.persai-md a:not(.persai-button), .persai-link { color: var(--persai-accent); text-decoration: underline; text-underline-offset: 2px; }
.persai .persai-link { display: inline; padding: 0; border: 0; background: none; color: var(--persai-accent); cursor: pointer; text-align: left; }
.persai-link .persai-icon { width: 12px; height: 12px; margin-left: 2px; vertical-align: -1px; } .persai-link-host { color: var(--persai-quiet); }
.persai code, .persai pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; font-size: 12.5px; }
.persai-md :not(pre) > code { padding: 1px 5px; border-radius: 4px; background: var(--persai-soft); }
.persai-md-html { white-space: pre-wrap; font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 12.5px; color: var(--persai-quiet); }
.persai-md-image { padding: 1px 7px; border: 1px dashed var(--persai-line); border-radius: 5px; color: var(--persai-quiet); }
.persai-md-table { overflow-x: auto; margin: 0 0 10px; }
.persai-md-table table { border-collapse: collapse; min-width: 50%; font-variant-numeric: tabular-nums; }
.persai-md-table th, .persai-md-table td { padding: 5px 12px; border-bottom: 1px solid var(--persai-line); text-align: left; overflow-wrap: normal; }
.persai-md-table th { font-weight: 600; background: var(--persai-softer); white-space: nowrap; }

.persai-code { margin: 0 0 10px; border: 1px solid var(--persai-line); border-radius: 8px; overflow: hidden; background: var(--persai-softer); }
.persai-code-bar { display: flex; align-items: center; justify-content: space-between; min-height: 28px; padding: 0 4px 0 12px; font-size: 12px; color: var(--persai-quiet); border-bottom: 1px solid var(--persai-line); }
.persai-code pre { margin: 0; padding: 9px 12px; max-height: 420px; overflow: auto; white-space: pre; overflow-wrap: normal; line-height: 1.5; }
.persai-code pre:focus-visible { outline-offset: -2px; }

.persai-tool { margin: 8px 0 12px; border: 1px solid var(--persai-line); border-radius: 10px; background: var(--persai-softer); }
.persai-tool-line { display: flex; align-items: center; gap: 8px; width: 100%; min-height: 36px; padding: 5px 12px; border: 0; border-radius: 10px; background: none; text-align: left; cursor: pointer; }
.persai-tool-line:hover { background: var(--persai-soft); }
.persai-tool-state { display: inline-flex; color: var(--persai-quiet); } .persai-tool[data-state=done] .persai-tool-state { color: var(--persai-good); } .persai-tool[data-state=failed] .persai-tool-state { color: var(--persai-bad); }
.persai-tool-name { font-family: ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; font-size: 12.5px; color: var(--persai-quiet); white-space: nowrap; }
.persai-tool-title { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.persai-tool-time { font-size: 12.5px; font-variant-numeric: tabular-nums; color: var(--persai-quiet); white-space: nowrap; }
.persai-tool-chevron { display: inline-flex; color: var(--persai-quiet); transition: transform .15s; } .persai-tool-chevron[data-open=true] { transform: rotate(180deg); }
.persai-tool-summary { padding: 0 12px 8px 36px; font-size: 13px; color: var(--persai-quiet); }
.persai-tool-warning { margin: 0 12px 8px 36px; padding-left: 8px; border-left: 3px solid var(--persai-warn); font-size: 13px; }
.persai-tool-details { padding: 2px 12px; } .persai-tool-details[hidden] { display: none; }
.persai-tool-details pre { white-space: pre-wrap; overflow-wrap: anywhere; max-height: 300px; }
.persai-spinner { width: 14px; height: 14px; margin: 1px; border: 2px solid var(--persai-line); border-top-color: var(--persai-accent); border-radius: 50%; animation: persai-spin .9s linear infinite; }

.persai-figure { padding: 0 12px 8px; }
.persai-figure-bar { display: flex; align-items: center; justify-content: space-between; gap: 8px; min-height: 34px; }
.persai-figure-title { font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.persai-figure-bar .persai-select { opacity: .001; transition: opacity .12s; } .persai-figure:hover .persai-select, .persai-figure:focus-within .persai-select { opacity: 1; }
@media (hover: none) { .persai-figure-bar .persai-select { opacity: 1; } }
.persai-figure-panel { position: relative; overflow: hidden; border-radius: 8px; background: var(--persai-paper); }
.persai-figure-panel > * { height: 100%; }
.persai-figure-foot { min-height: 24px; padding-top: 4px; font-size: 12.5px; color: var(--persai-quiet); }

.persai-trouble { margin: 8px 0; padding: 10px 14px; border: 1px solid var(--persai-line); border-left: 3px solid var(--persai-bad); border-radius: 6px; background: var(--persai-softer); overflow-wrap: anywhere; }
.persai-trouble-what { font-weight: 600; } .persai-trouble .persai-row { margin-top: 8px; }
.persai-dialog { max-width: min(520px, 92vw); padding: 20px; border: 1px solid var(--persai-line); border-radius: 10px; background: var(--persai-paper); color: var(--persai-text); overflow-wrap: anywhere; }
.persai-dialog[open] { display: flex; flex-direction: column; gap: 12px; } .persai-dialog::backdrop { background: rgb(0 0 0 / .45); }
[data-state=stopped] > .persai-trouble { border-left-color: var(--persai-quiet); }

@keyframes persai-blink { from { opacity: 1; } to { opacity: .15; } }
@keyframes persai-pulse { 50% { opacity: .3; } }
@keyframes persai-spin { to { transform: rotate(360deg); } }
@media (prefers-reduced-motion: reduce) { .persai *, .persai *::before { animation: none !important; transition: none !important; } }
@container persai (max-width: 700px) {
  .persai-tool-name { display: none; }
  .persai-tool { margin-left: -2px; margin-right: -2px; } .persai-figure { padding: 0 8px 8px; }
}
`;
