-- Types are text, bigint and blob only: nothing else decodes alike on every backend.
-- Times are milliseconds since 1970, booleans 0 or 1, lists and records JSON text.

CREATE TABLE agents (
    org text NOT NULL,
    id text NOT NULL,
    head_seq bigint NOT NULL,
    head_hash blob NOT NULL,
    name text NOT NULL,
    name_folded text NOT NULL,
    status text NOT NULL,
    repo_urls text NOT NULL,
    pr_urls text NOT NULL,
    archived bigint NOT NULL,
    created_ms bigint NOT NULL,
    updated_ms bigint NOT NULL,
    latest_run text,
    branch text NOT NULL,
    model text NOT NULL,
    usage text NOT NULL,
    cost_micros bigint NOT NULL,
    detail text NOT NULL,
    open bigint NOT NULL,
    wake_at_ms bigint,
    PRIMARY KEY (org, id)
);
-- The columns after the key of the list are filtered without a look at the row.
CREATE INDEX agents_newest ON agents (org, created_ms, id, archived, status, name_folded);
CREATE INDEX agents_open ON agents (id) WHERE open = 1;
CREATE INDEX agents_wake ON agents (wake_at_ms) WHERE wake_at_ms IS NOT NULL;

CREATE TABLE agent_links (
    org text NOT NULL,
    kind text NOT NULL,
    value text NOT NULL,
    created_ms bigint NOT NULL,
    agent text NOT NULL,
    PRIMARY KEY (org, kind, value, created_ms, agent)
);
CREATE INDEX agent_links_agent ON agent_links (org, agent);

CREATE TABLE events (
    org text NOT NULL,
    agent text NOT NULL,
    seq bigint NOT NULL,
    at_ms bigint NOT NULL,
    type text NOT NULL,
    version bigint NOT NULL,
    place bigint NOT NULL,
    body text NOT NULL,
    body_hash blob NOT NULL,
    hash blob NOT NULL,
    PRIMARY KEY (org, agent, seq)
);

CREATE TABLE runs (
    org text NOT NULL,
    agent text NOT NULL,
    id text NOT NULL,
    status text NOT NULL,
    created_ms bigint NOT NULL,
    updated_ms bigint NOT NULL,
    duration_ms bigint,
    prompt text NOT NULL,
    result text,
    failure text,
    usage text NOT NULL,
    cost_micros bigint NOT NULL,
    git text NOT NULL,
    PRIMARY KEY (org, agent, id)
);
CREATE INDEX runs_newest ON runs (org, agent, created_ms, id);

CREATE TABLE leases (
    org text NOT NULL,
    agent text NOT NULL,
    holder text NOT NULL,
    term bigint NOT NULL,
    expires_ms bigint NOT NULL,
    PRIMARY KEY (org, agent)
);

CREATE TABLE outbox (
    org text NOT NULL,
    id text NOT NULL,
    agent text NOT NULL,
    kind text NOT NULL,
    body text NOT NULL,
    due_ms bigint NOT NULL,
    attempts bigint NOT NULL,
    PRIMARY KEY (org, id)
);
CREATE INDEX outbox_due ON outbox (kind, due_ms);
CREATE INDEX outbox_agent ON outbox (org, agent);

CREATE TABLE idempotency (
    org text NOT NULL,
    key text NOT NULL,
    response text NOT NULL,
    at_ms bigint NOT NULL,
    PRIMARY KEY (org, key)
);
CREATE INDEX idempotency_age ON idempotency (at_ms);

CREATE TABLE sealed (
    org text NOT NULL,
    owner text NOT NULL,
    name text NOT NULL,
    version bigint NOT NULL,
    wrapped_key blob NOT NULL,
    ciphertext blob NOT NULL,
    at_ms bigint NOT NULL,
    PRIMARY KEY (org, owner, name)
);

CREATE TABLE blob_refs (
    org text NOT NULL,
    owner text NOT NULL,
    digest text NOT NULL,
    size bigint NOT NULL,
    at_ms bigint NOT NULL,
    PRIMARY KEY (org, owner, digest)
);
CREATE INDEX blob_refs_digest ON blob_refs (digest);

CREATE TABLE api_keys (
    digest text NOT NULL PRIMARY KEY,
    org text NOT NULL,
    id text NOT NULL,
    name text NOT NULL,
    created_ms bigint NOT NULL,
    revoked_ms bigint,
    last_used_ms bigint
);
CREATE INDEX api_keys_newest ON api_keys (org, created_ms, id);

CREATE TABLE kv (
    org text NOT NULL,
    kind text NOT NULL,
    key text NOT NULL,
    body text NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (org, kind, key)
);

CREATE TABLE numbers (
    org text NOT NULL,
    scope text NOT NULL,
    value bigint NOT NULL,
    PRIMARY KEY (org, scope)
);
