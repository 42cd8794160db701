package familytest

import (
	"maps"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/chancery-auth/chancery/services/token/internal/family"
)

// machine is a family beside the little that its behaviour amounts to. Strictly a
// generation has one successor (I4); under a window it yields the one in use.
type machine struct {
	db       Database
	f        family.Family
	inUse    int64
	key      uint32
	used     bool
	clock    time.Duration           // as far as time was moved
	replaced map[int64]time.Duration // when each generation was, that the row knows
	forked   map[int64]int64         // successor of each generation that was presented, strictly
}

func model(t *testing.T, db Database) {
	rapid.Check(t, func(r *rapid.T) {
		m := &machine{db: db, f: newFamily(), key: 1, replaced: make(map[int64]time.Duration), forked: make(map[int64]int64)}
		m.f.KeyID, m.f.Lifetime = 1, 300*24*time.Hour // so that nothing comes near the threshold of 1
		if _, err := db.Insert(t.Context(), m.f, 100); err != nil {
			r.Fatal(err)
		}
		r.Repeat(map[string]func(*rapid.T){
			"present": func(r *rapid.T) { m.present(t, r) },
			"wait":    func(r *rapid.T) { m.wait(t, r) },
			"before":  func(r *rapid.T) { m.rotateAsBefore(t, r) },
		})
	})
}

// wait moves time. What the test itself takes is little beside each step.
func (m *machine) wait(t *testing.T, r *rapid.T) {
	d := rapid.SampledFrom([]time.Duration{20 * time.Minute, time.Hour}).Draw(r, "wait")
	if err := m.db.Age(t.Context(), m.f, d); err != nil {
		r.Fatal(err)
	}
	m.clock += d
}

// rotateAsBefore is a rotation that notes nothing but its own time.
func (m *machine) rotateAsBefore(t *testing.T, r *rapid.T) {
	if err := m.db.RotateAsBefore(t.Context(), m.f.ID); err != nil {
		r.Fatal(err)
	}
	delete(m.replaced, m.inUse-1)
	m.replaced[m.inUse] = m.clock
	m.inUse, m.used = m.inUse+1, false
}

func (m *machine) present(t *testing.T, r *rapid.T) {
	generation := rapid.Int64Range(max(0, m.inUse-4), m.inUse+1).Draw(r, "generation")
	policy := family.Policy{
		Rotation:  rapid.SampledFrom([]family.Rotation{family.Always, family.Threshold, family.Never}).Draw(r, "rotation"),
		Threshold: rapid.SampledFrom([]float64{0, 1}).Draw(r, "threshold"),
	}
	if rapid.Bool().Draw(r, "strict") {
		policy.Grace = rapid.SampledFrom([]time.Duration{0, 50 * time.Minute}).Draw(r, "grace")
	} else {
		policy.Window = rapid.SampledFrom([]time.Duration{50 * time.Minute, 150 * time.Minute}).Draw(r, "window")
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
	if policy.Window > 0 || got != family.Rotated && got != family.Repeated {
		return
	}
	if successor, ok := m.forked[generation]; ok && successor != after.Generation {
		r.Fatalf("generation %d has the successors %d and %d", generation, successor, after.Generation)
	}
	m.forked[generation] = after.Generation
}

// expect is what the rules say, and moves the model on.
func (m *machine) expect(generation int64, p family.Policy, key uint32) family.Outcome {
	outOfWindow := func(_ int64, at time.Duration) bool { return m.clock-at >= p.Window }
	rotates := p.Rotation == family.Always || p.Rotation == family.Threshold && p.Threshold == 0
	recent := maps.Clone(m.replaced)
	maps.DeleteFunc(recent, outOfWindow)
	switch {
	case generation > m.inUse:
		return family.Ahead
	case generation == m.inUse && rotates && len(recent) < family.MostReplaced:
		recent[m.inUse] = m.clock
		m.replaced, m.inUse, m.key, m.used = recent, m.inUse+1, key, false
		return family.Rotated
	case generation == m.inUse && rotates:
		m.used = true
		return family.Extended
	case generation == m.inUse:
		m.used = true
		return family.Kept
	case p.Window == 0 && generation == m.inUse-1 && !m.used && m.clock-m.replaced[generation] < p.Grace:
		return family.Repeated
	}
	for replaced := range recent {
		if replaced <= generation {
			return family.Repeated
		}
	}
	return family.Reused
}
