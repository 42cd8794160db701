package clientsqlite

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/authentication"
)

const hourMicros = `3600000000`

// The secrets come as one JSON array, so that the client comes once.
const selectCredentials = `
	SELECT (SELECT json_group_array(json_object(
	               'id', secret_id,
	               'digest', hex(digest),
	               'stale', last_use_time IS NULL OR last_use_time < ` + sqlite.NowMicros + ` - ` + hourMicros + `))
	          FROM registry_client_secret
	         WHERE client_id = c.client_id),
	       last_use_time IS NULL OR last_use_time < ` + sqlite.NowMicros + ` - ` + hourMicros + `, ` + columns + `
	  FROM registry_client AS c
	 WHERE c.client_id = ?`

// FindCredentials implements authentication.Clients.
func (s *Store) FindCredentials(ctx context.Context, clientID string) (authentication.Credentials, error) {
	var (
		r       row
		encoded string
		unnoted bool
	)
	err := s.db.Read().QueryRowContext(ctx, selectCredentials, clientID).Scan(append([]any{&encoded, &unnoted}, r.fields()...)...)
	if err != nil {
		_, err := found(r.Client, err)
		return authentication.Credentials{}, err
	}
	c, err := r.client()
	if err != nil {
		return authentication.Credentials{}, err
	}
	secrets, err := decodeSecrets(encoded)
	if err != nil {
		return authentication.Credentials{}, fmt.Errorf("decode client secrets: %w", err)
	}
	return authentication.Credentials{Client: c, Secrets: secrets, NoteUse: unnoted}, nil
}

// NoteUse implements authentication.Clients.
func (s *Store) NoteUse(ctx context.Context, clientID string) error {
	_, err := s.db.Write().ExecContext(ctx, `
		UPDATE registry_client
		   SET last_use_time = `+sqlite.NowMicros+`
		 WHERE client_id = ?
		   AND (last_use_time IS NULL OR last_use_time < `+sqlite.NowMicros+` - `+hourMicros+`)`, clientID)
	if err != nil {
		return fmt.Errorf("update last use of client: %w", err)
	}
	return nil
}

func decodeSecrets(encoded string) ([]authentication.Secret, error) {
	var list []struct {
		ID     uuid.UUID `json:"id"`
		Digest string    `json:"digest"`
		Stale  int       `json:"stale"` // SQLite's boolean
	}
	if err := json.Unmarshal([]byte(encoded), &list); err != nil {
		return nil, err
	}
	secrets := make([]authentication.Secret, len(list))
	for i, s := range list {
		digest, err := hex.DecodeString(s.Digest)
		if err != nil {
			return nil, err
		}
		secrets[i] = authentication.Secret{ID: s.ID, Digest: secret.Digest(digest), NoteUse: s.Stale != 0}
	}
	return secrets, nil
}
