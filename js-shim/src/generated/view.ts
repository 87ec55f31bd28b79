// Generated from plugin-wasm/src/view.rs. Do not edit.
// Write it anew: cargo run -p plugin-wasm --features ts --bin export-types

export type TimeRange = { startMs: number, endMs: number, };

export type DatasourceSelector = { 
/**
 * Perses' plugin kind, e.g. `PrometheusDatasource`.
 */
kind: string, 
/**
 * By Perses' own rule `^[a-zA-Z0-9_.-]+$`, at most 75 characters, no `..`.
 */
name: string, 
/**
 * Set for a project's datasource; absent: a global one.
 */
project?: string, };

export type HostEnv = { 
/**
 * `window.PERSES_APP_CONFIG?.api_prefix ?? ""`, no trailing slash.
 */
apiPrefix: string, 
/**
 * Where the plugin's files are, for `config.json`, with a trailing slash.
 */
pluginBase: string, origin: string, timeRange: TimeRange, utcOffsetMinutes: number, };

export type Command = { "type": "start", env: HostEnv, } | { "type": "setTimeRange", timeRange: TimeRange, utcOffsetMinutes: number, } | { "type": "setSuggestedStep", stepMs: number, } | { "type": "selectDatasources", names: Array<DatasourceSelector>, } | { "type": "selectModel", id: string, } | { "type": "ask", text: string, } | { "type": "stop" } | { "type": "newConversation" } | { "type": "openConversation", id: string, } | { "type": "retry" } | { "type": "setPanelKinds", kinds: Array<string>, } | { "type": "choosePanelKind", toolCallId: string, kind: string, } | { "type": "toggleTool", toolCallId: string, } | { "type": "visibility", hidden: boolean, };

export type Patch = { "op": "set", key: string, value: ViewNode, } | { "op": "remove", key: string, } | { "op": "md", key: string, ops: Array<MdOp>, };

export type ViewNode = { "view": "app" } & AppView | { "view": "message" } & MessageView | { "view": "tool" } & ToolView | { "view": "markdown" };

export type AppView = { phase: Phase, 
/**
 * Present where something is wrong or must be known: what, why, what to do.
 */
trouble?: TroubleView, datasources: Array<DatasourceOption>, models: Array<ModelOption>, selectedModel: string, 
/**
 * "Answers come from the built-in engine; nothing leaves this Perses", or who gets what.
 */
privacyLine: string, 
/**
 * Without authentication at Perses: that history is per browser.
 */
historyLine?: string, 
/**
 * Questions that the chosen datasource can answer; shown while the conversation is empty.
 */
suggestions: Array<string>, conversationId?: string, conversations: Array<ConversationOption>, 
/**
 * Ids of the messages, oldest first; each is under `message/<id>`.
 */
messages: Array<string>, 
/**
 * A run of this conversation goes on: Stop takes the place of Send.
 */
running: boolean, 
/**
 * One quiet line: what is being done now.
 */
activity?: string, canSend: boolean, };

export type Phase = "connecting" | "ready" | "unreachable" | "incompatible";

export type TroubleView = { 
/**
 * A code of `persai_protocol::error::ErrorCode`, or one of the plugin's own (`relayUnreachable`, `signInAgain`).
 */
code: string, what: string, why: string, todo: string, canRetry: boolean, 
/**
 * Seconds until it is tried again by itself.
 */
retryInSecs?: number, };

export type DatasourceOption = { selector: DatasourceSelector, title: string, selected: boolean, 
/**
 * Why it can't be chosen (it has a direct URL, say).
 */
disabledReason?: string, };

export type ModelOption = { id: string, title: string, };

export type ConversationOption = { id: string, title: string, running: boolean, updatedAtMs: number, };

export type MessageView = { id: string, from: Speaker, state: MessageState, 
/**
 * In order; what they name is under `md/<message>/<n>` and `tool/<toolCallId>`.
 */
parts: Array<Part>, 
/**
 * The answer as markdown source, for copying; only once it has settled.
 */
source?: string, 
/**
 * Where the run failed or was stopped.
 */
trouble?: TroubleView, atMs: number, };

export type Speaker = "user" | "assistant";

export type MessageState = "sending" | "streaming" | "settled" | "stopped" | "failed";

export type Part = { "part": "text", text: string, } | { "part": "markdown", key: string, } | { "part": "tool", toolCallId: string, } | { "part": "notice", text: string, hint?: string, };

export type ToolView = { toolCallId: string, 
/**
 * `query_metrics`
 */
name: string, 
/**
 * The call in human words.
 */
title: string, state: ToolState, startedAtMs: number, durationMs?: number, open: boolean, 
/**
 * One sentence: what was found, or what failed.
 */
summary?: string, 
/**
 * "allowed", "narrowed", …
 */
verdict?: string, 
/**
 * Pretty-printed; only while open.
 */
arguments?: string, 
/**
 * The query as it was run; only while open.
 */
query?: string, 
/**
 * What the model was told; only while open.
 */
digest?: string, warnings: Array<string>, panel?: PanelView, };

export type ToolState = "running" | "done" | "failed" | "stopped";

export type PanelView = { title: string, 
/**
 * `TimeSeriesChart`, `StatChart`, …
 */
kind: string, 
/**
 * Kinds that this result may be shown as as well.
 */
alternatives: Array<string>, 
/**
 * A whole Perses `Panel` definition, queries included.
 */
definition: unknown, 
/**
 * Pinned to what the model read.
 */
timeRange: TimeRange, stepMs: number, 
/**
 * `options.mode` of `DataQueriesProvider`: `range` or `instant`.
 */
mode: string, 
/**
 * Reserved before the panel arrives, CSS pixels.
 */
heightPx: number, 
/**
 * "14:00–15:00 · 15 s · 2 series · allowed", in the user's time zone.
 */
footer: string, };

export type MdOp = { path: Array<number>, from: number, nodes: Array<MdNode>, } | { path: Array<number>, append: string, };

export type MdNode = { t: MdKind, 
/**
 * Children.
 */
c?: Array<MdNode>, 
/**
 * Text of `text code codespan html`; alternative text of `img` is in its children.
 */
x?: string, 
/**
 * `h`: level 1–6. `list`: first number, absent for bullets. `table`, see `align`.
 */
n?: number, 
/**
 * `code`: the info string. `a`, `img`: the title.
 */
i?: string, 
/**
 * `a`: where it leads, after the link policy; absent: not allowed, show the text only. `img`: its source, to be shown as
 * text and never loaded.
 */
u?: string, 
/**
 * `a`: the real host where it leaves this origin; shown, and asked before leaving.
 */
host?: string, 
/**
 * `list`: tight. `item`: a task's tick (absent: no task).
 */
b?: boolean, 
/**
 * `table`: per column `n` (none), `l`, `c`, `r`.
 */
align?: string, };

export type MdKind = "p" | "h" | "code" | "quote" | "list" | "item" | "table" | "row" | "cell" | "hr" | "html" | "text" | "em" | "strong" | "del" | "codespan" | "a" | "img" | "br" | "soft" | "inlinehtml";
