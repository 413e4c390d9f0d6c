-- Which generation of the key-encryption key wraps a value's own key.
ALTER TABLE sealed ADD COLUMN generation bigint NOT NULL DEFAULT 1;
CREATE INDEX sealed_generations ON sealed (generation, org, owner, name);
