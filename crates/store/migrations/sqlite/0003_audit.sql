-- What was done and what left, of a whole organisation: each record with the digest of the one before.
CREATE TABLE audit (
    org text NOT NULL,
    seq bigint NOT NULL,
    at_ms bigint NOT NULL,
    kind text NOT NULL,
    who text NOT NULL,
    subject text,
    agent text,
    run text,
    details text NOT NULL,
    hash blob NOT NULL,
    PRIMARY KEY (org, seq)
);
CREATE INDEX audit_agent ON audit (org, agent, seq) WHERE agent IS NOT NULL;
CREATE INDEX audit_subject ON audit (org, subject, seq) WHERE subject IS NOT NULL;

CREATE TABLE audit_heads (
    org text NOT NULL PRIMARY KEY,
    seq bigint NOT NULL,
    hash blob NOT NULL
);
