package client_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/pkg/client"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

func TestN315_AClientIsVettedIfNothingSaysTheOpposite(t *testing.T) {
	for _, tt := range []struct {
		name string
		c    *registryv1.Client
		want bool
	}{
		{"vetted", &registryv1.Client{Vetted: proto.Bool(true)}, true},
		{"not vetted", &registryv1.Client{Vetted: proto.Bool(false)}, false},
		{"both fields against it", &registryv1.Client{Vetted: proto.Bool(false), Unverified: true}, false},
		{"fields that contradict each other", &registryv1.Client{Vetted: proto.Bool(true), Unverified: true}, false},
		{"the release before, verified", &registryv1.Client{}, true},
		{"the release before, unverified", &registryv1.Client{Unverified: true}, false},
		{"no client", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := client.Vetted(tt.c); got != tt.want {
				t.Errorf("Vetted() = %v, want %v", got, tt.want)
			}
		})
	}
}
