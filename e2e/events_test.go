package e2e

import (
	"bufio"
	"bytes"
	"maps"
	"os/exec"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	eventv1 "github.com/chancery-auth/chancery/proto/chancery/event/v1"
)

// Whoever reads the stream from its start gets every record of the audit log, at
// least once and the same, those from before they asked as well.
func TestWhatIsPublishedIsWhatIsRecorded(t *testing.T) {
	onEach(t, func(t *testing.T, flags []string) {
		r := newTour(t, start(t, append(flags, skipping(t)...)...))
		r.clients(t)
		lines := tail(t, r.s)
		r.users(t)
		r.signIn(t)
		r.reusedRefresh(t)
		r.revocations(t)
		r.keys(t)

		missing, published := maps.Clone(r.seen), &bytes.Buffer{}
		deadline := time.After(startTimeout)
		for len(missing) > 0 {
			select {
			case line, ok := <-lines:
				if !ok {
					t.Fatalf("the command ended, and %d events are missing", len(missing))
				}
				published.Write(line)
				r.checkPublished(t, line, missing)
			case <-deadline:
				t.Fatalf("%d events are missing: %v", len(missing), slices.Collect(maps.Values(missing)))
			}
		}
		r.checkCanaries(t, "the stream", published.Bytes())
	})
}

// checkPublished compares an event with its record, which is then not missing.
func (r *tour) checkPublished(t *testing.T, line []byte, missing map[string]*eventv1.Event) {
	t.Helper()
	e := &eventv1.Event{}
	if err := protojson.Unmarshal(line, e); err != nil {
		t.Fatalf("read %q: %v", line, err)
	}
	eventtest.CheckIDs(t, e)
	if record := r.seen[e.GetId()]; !proto.Equal(record, e) {
		t.Errorf("published %v, recorded %v", e, record)
	}
	delete(missing, e.GetId())
}

// tail follows the stream from its start, a line for each event, until the test
// ends.
func tail(t *testing.T, s *server) <-chan []byte {
	t.Helper()
	command := exec.CommandContext(t.Context(), program(), "events", "tail", "--from-start", "--json", "--data", s.data)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan []byte, 1000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			lines <- bytes.Clone(scanner.Bytes())
		}
	}()
	t.Cleanup(func() {
		<-done
		t.Logf("the command ended: %v", command.Wait())
	})
	return lines
}
