-- Format 1. Forward only: a later format is a further file, never a change of this one.

CREATE TABLE conversations (
    -- AUTOINCREMENT: a key is never given twice.
    key            INTEGER PRIMARY KEY AUTOINCREMENT,
    owner          TEXT    NOT NULL,
    id             TEXT    NOT NULL,
    title          TEXT    NOT NULL,
    created_at_ms  INTEGER NOT NULL,
    -- Both as of the last start, cancel or end of a run; between these the records know better.
    updated_at_ms  INTEGER NOT NULL,
    last_seq       INTEGER NOT NULL,
    UNIQUE (owner, id)
) STRICT;

CREATE INDEX conversations_by_update ON conversations (owner, updated_at_ms);

CREATE TABLE runs (
    owner               TEXT    NOT NULL,
    run_id              TEXT    NOT NULL,
    conversation_key    INTEGER NOT NULL REFERENCES conversations (key),
    parent_run_id       TEXT,
    state               TEXT    NOT NULL,
    reason              TEXT,
    first_seq           INTEGER NOT NULL,
    last_seq            INTEGER,
    started_at_ms       INTEGER NOT NULL,
    ended_at_ms         INTEGER,
    cancel_asked_at_ms  INTEGER,
    folded              INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (owner, run_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX runs_of_conversation ON runs (conversation_key, first_seq);
CREATE UNIQUE INDEX one_active_run ON runs (conversation_key) WHERE ended_at_ms IS NULL;
CREATE INDEX unsettled_runs ON runs (folded) WHERE folded = 0;

CREATE TABLE records (
    conversation_key  INTEGER NOT NULL REFERENCES conversations (key),
    seq               INTEGER NOT NULL,
    v                 INTEGER NOT NULL,
    at_ms             INTEGER NOT NULL,
    run_id            TEXT    NOT NULL,
    kind              TEXT    NOT NULL,
    body              TEXT    NOT NULL,
    -- With kind result: the raw answer, deflated.
    data              BLOB,
    -- Of a folded delta: where its parts ended, [{"seq", "end"}].
    parts             TEXT,
    PRIMARY KEY (conversation_key, seq)
) STRICT, WITHOUT ROWID;
