// Package nats has nats.conf: who may say and hear what on the message servers.
// Its tests start the cluster that the file describes.
package nats
