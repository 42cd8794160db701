// Package postgres has roles.sql: who may do what in the database. Its tests run
// the file on servers of their own.
package postgres

import _ "embed" // roles.sql

//go:embed roles.sql
var roles string

// Roles is roles.sql, for psql.
func Roles() string { return roles }
