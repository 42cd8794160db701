package doctor

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// A test cannot wait for a transaction of that age.
func TestTransactionIsOldAfterAMinute(t *testing.T) {
	for age, want := range map[time.Duration]Status{0: OK, time.Minute: OK, time.Minute + 1: Warn, time.Hour: Warn} {
		for _, visible := range []bool{false, true} {
			if got := judgeAge(age, visible); got.Status != want {
				t.Errorf("judgeAge(%s, %t) = %s, want %s", age, visible, got.Status, want)
			}
		}
	}
}

func TestStreamIsSafeWithThreeCopiesAndALeader(t *testing.T) {
	leader := &jetstream.ClusterInfo{Leader: "a", Replicas: []*jetstream.PeerInfo{{Name: "b"}, {Name: "c"}}}
	tests := []struct {
		name            string
		copies, servers int
		cluster         *jetstream.ClusterInfo
		want            Status
	}{
		{"one server", 1, 1, nil, OK},
		{"two servers", 1, 2, nil, OK},
		{"three copies", 3, 3, leader, OK},
		{"two copies of three servers", 2, 3, leader, Warn},
		{"no leader", 3, 3, &jetstream.ClusterInfo{Replicas: leader.Replicas}, Fail},
		{"a copy is away", 3, 3, &jetstream.ClusterInfo{Leader: "a", Replicas: []*jetstream.PeerInfo{{Name: "b"}, {Name: "c", Offline: true}}}, Warn},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			info := &jetstream.StreamInfo{Config: jetstream.StreamConfig{Replicas: tt.copies}, Cluster: tt.cluster}
			if got := judgeStream(info, tt.servers); got.Status != tt.want {
				t.Errorf("judgeStream() = %s %q, want %s", got.Status, got.Message, tt.want)
			}
		})
	}
}

func TestFixNamesWhatHasTheSetting(t *testing.T) {
	for source, want := range map[string]string{"user": "ROLE …", "database user": "ROLE …", "database": "DATABASE …", "configuration file": "SYSTEM"} {
		if got := altered(source); got != want {
			t.Errorf("altered(%s) = %s, want %s", source, got, want)
		}
	}
}
