-- +goose Up
-- The slug names the workspace in addresses, and never changes. A binary of the
-- release before adds workspaces without one. They have their id for a slug, which
-- is as good in an address, and keep it.
ALTER TABLE directory_workspace
    ADD COLUMN slug TEXT CHECK (length(slug) BETWEEN 1 AND 63 AND slug NOT GLOB '*[^a-z0-9-]*' AND slug NOT GLOB '-*' AND slug NOT GLOB '*-');

-- What is there gets one of its name and the start of its id, which is random.
UPDATE directory_workspace
   SET slug = (
        WITH RECURSIVE made (rest, slug) AS (
            SELECT lower(name), ''
             UNION ALL
            SELECT substr(rest, 2), slug || CASE
                       WHEN substr(rest, 1, 1) GLOB '[a-z0-9]' THEN substr(rest, 1, 1)
                       WHEN slug GLOB '*-' THEN ''
                       ELSE '-'
                   END
              FROM made
             WHERE rest <> ''
        )
        SELECT coalesce(nullif(trim(substr(slug, 1, 50), '-'), ''), 'workspace')
          FROM made
         WHERE rest = ''
       ) || '-' || substr(replace(workspace_id, '-', ''), 1, 12);

CREATE UNIQUE INDEX directory_workspace_slug ON directory_workspace (coalesce(slug, workspace_id));
