package nats

import _ "embed" // nats.conf

//go:embed nats.conf
var config []byte

// Config is nats.conf.
func Config() []byte { return append([]byte(nil), config...) }
