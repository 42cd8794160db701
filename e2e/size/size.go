// Package size measures Chancery where much is stored or asked at once. Its tests take
// minutes each, and are no part of make test: make size runs them.
package size
