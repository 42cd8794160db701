package grpcserve

import "buf.build/go/protovalidate"

// Violation is what a caller is told of a violation.
func Violation(err *protovalidate.ValidationError) string { return violation(err) }
