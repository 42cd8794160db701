-- +goose Up
-- A binary of the release before adds workspaces without a slug. They have their id
-- for one, which is as good in an address, and keep it.
ALTER TABLE directory.workspace
    ADD COLUMN slug text COLLATE "C" CHECK (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$');
COMMENT ON COLUMN directory.workspace.slug IS
    'Names the workspace in addresses, and never changes. Null stands for the id.';

-- What is there gets one of its name and the start of its id, which is random.
UPDATE directory.workspace
   SET slug = coalesce(nullif(btrim(left(regexp_replace(lower(name), '[^a-z0-9]+', '-', 'g'), 50), '-'), ''), 'workspace')
              || '-' || left(replace(workspace_id::text, '-', ''), 12);

CREATE UNIQUE INDEX workspace_slug ON directory.workspace (coalesce(slug, workspace_id::text COLLATE "C"));
