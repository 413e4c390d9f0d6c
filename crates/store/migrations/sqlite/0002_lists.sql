-- A page of agents with a status, or of those that are not archived, is found without a look at others.
CREATE INDEX agents_status ON agents (org, status, created_ms, id, archived, name_folded);
CREATE INDEX agents_archived ON agents (org, archived, created_ms, id, name_folded);
