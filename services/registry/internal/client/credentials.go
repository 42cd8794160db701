package client

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/secret"
)

// Credentials is what is on record of one client.
type Credentials struct {
	Client  Client
	Secrets []Secret
	// NoteUse says that the client never authenticated, or that the last time it
	// did was noted more than an hour ago.
	NoteUse bool
}

// Secret is one secret on record.
type Secret struct {
	ID     uuid.UUID
	Digest secret.Digest
	// NoteUse says that its last use was never noted, or more than an hour ago.
	NoteUse bool
}

// useAccuracy is how exact the time of a last use is.
const useAccuracy = time.Hour

// A client comes with each of its secrets, of which there are few.
const selectCredentials = `
	SELECT secret_id, digest, coalesce(secret_unnoted, false), last_use_time IS NULL OR last_use_time < statement_timestamp() - $2::interval, ` + columns + `
	  FROM registry.client
	  LEFT JOIN (SELECT client_id AS of_client, secret_id, digest,
	                    last_use_time IS NULL OR last_use_time < statement_timestamp() - $2::interval AS secret_unnoted
	               FROM registry.client_secret) AS s ON of_client = client_id
	 WHERE client_id = $1`

// FindCredentials reads a client with its secrets from the primary, in one
// statement. Fails with ErrNotFound.
func (s *Store) FindCredentials(ctx context.Context, clientID string) (Credentials, error) {
	var found Credentials
	err := s.db.Each(ctx, func(row database.Row) error {
		var each Secret
		var digest []byte
		err := row.Scan(append([]any{database.Null(&each.ID), &digest, &each.NoteUse, &found.NoteUse}, found.Client.fields()...)...)
		if err == nil && each.ID != uuid.Nil {
			each.Digest = secret.Digest(digest)
			found.Secrets = append(found.Secrets, each)
		}
		return err
	}, selectCredentials, database.Key(clientID), useAccuracy)
	switch {
	case err != nil:
		return Credentials{}, fmt.Errorf("select client with secrets: %w", err)
	case found.Client.ClientID == "":
		return Credentials{}, ErrNotFound
	}
	return found, nil
}

// NoteUse sets the last use of the client to now if it is more than an hour
// ago, and leaves its revision as it is. A client that is gone is no error.
func (s *Store) NoteUse(ctx context.Context, clientID string) error {
	_, err := s.db.Exec(ctx, `
		UPDATE registry.client
		   SET last_use_time = statement_timestamp()
		 WHERE client_id = $1
		   AND (last_use_time IS NULL OR last_use_time < statement_timestamp() - $2::interval)`, database.Key(clientID), useAccuracy)
	if err != nil {
		return fmt.Errorf("update last use of client: %w", err)
	}
	return nil
}
