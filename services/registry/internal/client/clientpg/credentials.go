package clientpg

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/registry/internal/authentication"
)

// The secrets come as arrays, so that the client comes once.
const selectCredentials = `
	SELECT s.ids, s.digests, s.note_use,
	       c.last_use_time IS NULL OR c.last_use_time < statement_timestamp() - interval '1 hour', ` + columns + `
	  FROM registry.client AS c
	  LEFT JOIN LATERAL (
	       SELECT array_agg(secret_id) AS ids,
	              array_agg(digest)    AS digests,
	              array_agg(last_use_time IS NULL OR last_use_time < statement_timestamp() - interval '1 hour') AS note_use
	         FROM registry.client_secret
	        WHERE client_id = c.client_id) AS s ON true
	 WHERE c.client_id = $1`

// FindCredentials implements authentication.Clients.
func (s *Store) FindCredentials(ctx context.Context, clientID string) (authentication.Credentials, error) {
	var (
		r       row
		ids     []uuid.UUID
		digests [][]byte
		noteUse []bool
		unnoted bool
	)
	err := s.db.QueryRow(ctx, selectCredentials, key(clientID)).Scan(append([]any{&ids, &digests, &noteUse, &unnoted}, r.fields()...)...)
	c, err := found(r.client(), err)
	if err != nil {
		return authentication.Credentials{}, err
	}
	secrets := make([]authentication.Secret, len(ids))
	for i := range secrets {
		secrets[i] = authentication.Secret{ID: ids[i], Digest: secret.Digest(digests[i]), NoteUse: noteUse[i]}
	}
	return authentication.Credentials{Client: c, Secrets: secrets, NoteUse: unnoted}, nil
}

// NoteUse implements authentication.Clients.
func (s *Store) NoteUse(ctx context.Context, clientID string) error {
	_, err := s.db.Exec(ctx, `
		UPDATE registry.client
		   SET last_use_time = statement_timestamp()
		 WHERE client_id = $1
		   AND (last_use_time IS NULL OR last_use_time < statement_timestamp() - interval '1 hour')`, key(clientID))
	if err != nil {
		return fmt.Errorf("update last use of client: %w", err)
	}
	return nil
}
