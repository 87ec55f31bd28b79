// One style sheet, scoped by the class `persai`; colours are the host's, as CSS variables on the root.
// `color-mix` with the host's own text and page colours keeps the contrast in dark and light.

import { CONTENT_STYLES } from './styles-content';

const LAYOUT_STYLES = `
.persai { container: persai / inline-size; position: relative; min-width: 0; color: var(--persai-text); font-size: 14px; line-height: 1.5;
  --persai-soft: color-mix(in srgb, var(--persai-text) 6%, transparent); --persai-softer: color-mix(in srgb, var(--persai-text) 3.5%, transparent); }
.persai *, .persai *::before { box-sizing: border-box; }
.persai :where(p, h2, h3, figure, ul) { margin: 0; }
.persai :where(button, textarea, select) { font: inherit; color: inherit; letter-spacing: inherit; }
.persai :focus-visible { outline: 2px solid var(--persai-accent); outline-offset: 1px; }
.persai-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.persai-quiet { color: var(--persai-quiet); }
.persai-row { display: flex; align-items: center; flex-wrap: wrap; gap: 8px; }
.persai-icon { width: 16px; height: 16px; flex: none; }
.persai-starting { padding: 24px; color: var(--persai-quiet); }

.persai-layout { display: grid; grid-template-columns: 212px minmax(0, 1fr); height: 100%; }
.persai-main { display: flex; flex-direction: column; min-height: 0; min-width: 0; }
.persai-column { width: 100%; max-width: 920px; margin: 0 auto; }
.persai-top { display: flex; align-items: center; gap: 8px; padding: 0 12px 8px; width: 100%; max-width: 944px; margin: 0 auto; }

.persai-button { display: inline-flex; align-items: center; justify-content: center; gap: 6px; min-height: 30px; padding: 3px 10px; border: 1px solid var(--persai-line);
  border-radius: 6px; background: transparent; cursor: pointer; text-decoration: none; color: inherit; }
.persai-button:hover:not(:disabled) { background: var(--persai-soft); }
.persai-button:disabled { opacity: .45; cursor: default; }
.persai-button-main, .persai a.persai-button-main { background: var(--persai-accent); border-color: transparent; color: var(--persai-on-accent); }
.persai-button-main:hover:not(:disabled) { background: color-mix(in srgb, var(--persai-accent) 88%, var(--persai-text)); }
.persai-button-quiet { border-color: transparent; min-height: 26px; padding: 1px 6px; font-size: 12.5px; color: var(--persai-quiet); }
.persai-select { min-height: 28px; max-width: 220px; padding: 2px 4px; text-overflow: ellipsis; border: 1px solid var(--persai-line); border-radius: 6px; background: var(--persai-paper); font-size: 12.5px; }
.persai-menu { display: none; }

.persai-list { min-height: 0; overflow-y: auto; scrollbar-width: thin; padding: 0 10px 10px 0; border-right: 1px solid var(--persai-line); }
.persai-list h3 { margin: 14px 8px 4px; font-size: 12px; font-weight: 600; color: var(--persai-quiet); }
.persai-list ul { list-style: none; padding: 0; }
.persai-list li button { display: flex; align-items: center; gap: 7px; width: 100%; padding: 5px 8px; border: 0; border-radius: 6px; background: none; text-align: left; cursor: pointer; }
.persai-list li button span:last-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.persai-list li button:hover { background: var(--persai-soft); }
.persai-list li button[aria-current] { background: var(--persai-soft); font-weight: 600; }
.persai-new { width: 100%; }
.persai-shade { display: none; }

.persai-log-frame { position: relative; flex: 1; min-height: 0; }
.persai-log { height: 100%; overflow-y: auto; padding: 4px 12px 16px; overscroll-behavior: contain; scrollbar-gutter: stable; scrollbar-width: thin; }
.persai-log:focus-visible { outline-offset: -2px; }
.persai-news { position: absolute; left: 50%; bottom: 10px; transform: translateX(-50%); border-radius: 16px; background: var(--persai-paper); box-shadow: 0 2px 10px rgb(0 0 0 / .25); }
.persai-news:hover:not(:disabled) { background: color-mix(in srgb, var(--persai-paper) 90%, var(--persai-text)); }

.persai-first { padding: min(7vh, 56px) 0 16px; }
.persai-first h2 { font-size: 22px; line-height: 1.3; font-weight: 600; margin-bottom: 4px; }
.persai-suggestions { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 10px; margin-top: 20px; }
.persai-suggestions button { padding: 12px 14px; min-height: 62px; text-align: left; border: 1px solid var(--persai-line); border-radius: 8px; background: var(--persai-softer); cursor: pointer; overflow-wrap: anywhere; }
.persai-suggestions button:hover:not(:disabled) { border-color: var(--persai-accent); background: var(--persai-soft); }
.persai-suggestions button:disabled { opacity: .55; cursor: default; }

/* The gutter of the conversation's scroll bar, so that both end at the same line. */
.persai-composer, .persai-banner { padding: 8px 12px 0; overflow: hidden; scrollbar-gutter: stable; scrollbar-width: thin; }
.persai-banner { padding-top: 0; flex: none; }
.persai-composer-box { display: flex; align-items: flex-end; gap: 8px; padding: 7px 7px 7px 12px; border: 1px solid color-mix(in srgb, var(--persai-quiet) 70%, transparent); border-radius: 12px; background: var(--persai-paper); }
.persai-composer-box:focus-within { border-color: var(--persai-accent); box-shadow: 0 0 0 1px var(--persai-accent); }
.persai-composer textarea { flex: 1; min-width: 0; min-height: 32px; max-height: 200px; padding: 5px 0; border: 0; outline: 0; background: transparent; resize: none; line-height: 1.5; scrollbar-width: thin; }
.persai .persai-composer textarea:focus-visible { outline: 0; }
.persai-composer textarea::placeholder { color: var(--persai-quiet); opacity: 1; }
.persai-composer .persai-select { min-height: 32px; border-color: transparent; background: transparent; }
.persai-composer option { background: var(--persai-paper); }
.persai-send { width: 34px; height: 34px; padding: 0; border-radius: 8px; flex: none; }
.persai-refused { padding: 0 4px 6px; font-size: 13px; }
.persai-privacy { padding: 6px 4px 0; font-size: 12px; line-height: 1.4; color: var(--persai-quiet); }

.persai-picker { position: relative; min-width: 0; }
.persai-picker > button { max-width: 100%; }
.persai-picker-names { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; max-width: 420px; }
.persai-picker-list { position: absolute; z-index: 5; top: calc(100% + 4px); left: 0; min-width: 250px; max-height: 320px; overflow-y: auto; padding: 6px; border: 1px solid var(--persai-line);
  border-radius: 8px; background: var(--persai-paper); box-shadow: 0 6px 24px rgb(0 0 0 / .28); }
.persai-picker-list label { display: flex; gap: 9px; align-items: flex-start; padding: 6px 8px; border-radius: 6px; cursor: pointer; }
.persai-picker-list label:hover { background: var(--persai-soft); }
.persai-picker-list label[data-disabled] { cursor: default; color: var(--persai-quiet); }
.persai-picker-list input { margin-top: 4px; accent-color: var(--persai-accent); }
.persai-picker-list small { display: block; font-size: 12px; color: var(--persai-quiet); }

@container persai (max-width: 700px) {
  .persai-layout { grid-template-columns: minmax(0, 1fr); }
  .persai-menu { display: inline-flex; }
  .persai-list { display: none; }
  .persai-list[data-open=true] { display: block; position: absolute; z-index: 11; inset: 0 auto 0 0; width: min(280px, 84%); padding: 10px; border: 1px solid var(--persai-line); border-radius: 8px;
    background: var(--persai-paper); box-shadow: 0 6px 24px rgb(0 0 0 / .3); }
  .persai-list[data-open=true] + .persai-shade { display: block; position: absolute; z-index: 10; inset: 0; background: rgb(0 0 0 / .3); }
  .persai-top, .persai-composer, .persai-banner { padding-left: 4px; padding-right: 4px; }
  .persai-log { padding-left: 4px; padding-right: 4px; }
  .persai-suggestions { grid-template-columns: minmax(0, 1fr); }
  .persai-suggestions button { min-height: 0; }
  .persai-picker-names { max-width: 220px; }
  .persai-composer .persai-select { max-width: 130px; }
  .persai-first { padding-top: 12px; }
}
`;

export const STYLES = LAYOUT_STYLES + CONTENT_STYLES;
