package familytest

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chancery-auth/chancery/services/token/internal/family"
)

// machine is a family beside the little that its behaviour amounts to (I4).
type machine struct {
	db     Database
	f      family.Family
	inUse  int64
	key    uint32
	used   bool
	forked map[int64]int64 // successor of each generation that was presented
}

func model(t *testing.T, db Database) {
	rapid.Check(t, func(r *rapid.T) {
		m := &machine{db: db, f: newFamily(), key: 1, forked: make(map[int64]int64)}
		m.f.KeyID = 1
		if _, err := db.Insert(t.Context(), m.f, 100); err != nil {
			r.Fatal(err)
		}
		r.Repeat(map[string]func(*rapid.T){"present": func(r *rapid.T) { m.present(t, r) }})
	})
}

func (m *machine) present(t *testing.T, r *rapid.T) {
	generation := rapid.Int64Range(max(0, m.inUse-2), m.inUse+1).Draw(r, "generation")
	policy := family.Policy{
		Rotation:  rapid.SampledFrom([]family.Rotation{family.Always, family.Threshold, family.Never}).Draw(r, "rotation"),
		Threshold: rapid.SampledFrom([]float64{0, 1}).Draw(r, "threshold"),
		Grace:     rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(r, "grace"),
	}
	key := rapid.Uint32Range(1, 3).Draw(r, "key")
	want := m.expect(generation, policy, key)
	after, got, err := m.db.Present(t.Context(), family.Presented{FamilyID: m.f.ID, Generation: generation}, policy, key)
	if err != nil {
		r.Fatal(err)
	}
	if got != want || after.Generation != m.inUse || after.KeyID != m.key {
		r.Fatalf("Present(%d) = generation %d, key %d, %d, want %d, %d, %d", generation, after.Generation, after.KeyID, got, m.inUse, m.key, want)
	}
	if got != family.Rotated && got != family.Repeated {
		return
	}
	if successor, ok := m.forked[generation]; ok && successor != after.Generation {
		r.Fatalf("generation %d has the successors %d and %d", generation, successor, after.Generation)
	}
	m.forked[generation] = after.Generation
}

// expect is what the rules say, and moves the model on.
func (m *machine) expect(generation int64, p family.Policy, key uint32) family.Outcome {
	rotates := p.Rotation == family.Always || p.Rotation == family.Threshold && p.Threshold == 0
	switch {
	case generation == m.inUse && rotates:
		m.inUse, m.key, m.used = m.inUse+1, key, false
		return family.Rotated
	case generation == m.inUse:
		m.used = true
		return family.Kept
	case generation == m.inUse-1 && !m.used && p.Grace > 0:
		return family.Repeated
	default:
		return family.Reused
	}
}
