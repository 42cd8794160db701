package password_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/services/directory/internal/password"
)

const (
	honest   = "198.51.100.7/32"
	attacker = "192.0.2.1/32"
	// hashTime is how long a hash takes in these tests.
	hashTime = 100 * time.Millisecond
)

// slow is a hasher with one slot, in the time of a bubble.
func slow() *password.Hasher {
	return hasher(password.Options{Wait: time.Second, KDF: func([]byte, []byte, password.Params, uint32) []byte {
		<-time.After(hashTime)
		return make([]byte, 32)
	}})
}

// calls are how a number of calls went.
type calls struct {
	mu             sync.Mutex
	served, denied int
}

// keep has n calls at a time from each block in flight until stop is closed.
func keep(t *testing.T, h *password.Hasher, n int, stop chan struct{}, blocks ...string) *calls {
	t.Helper()
	c := &calls{}
	for i := range n {
		go func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				c.note(t, hash(t, h, blocks[i%len(blocks)]))
			}
		}()
	}
	return c
}

// counts are how many went how so far.
func (c *calls) counts() (served, denied int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.served, c.denied
}

func (c *calls) note(t *testing.T, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.served++
	case errors.Is(err, fault.Unavailable):
		c.denied++
	default:
		t.Errorf("Acquire() = %v", err)
	}
}

// hash computes one, and lets time pass where it is refused at once.
func hash(t *testing.T, h *password.Hasher, block string) error {
	t.Helper()
	s, err := h.Acquire(t.Context(), block)
	if err != nil {
		<-time.After(hashTime / 4)
		return err
	}
	defer s.Release()
	s.Hash("correct horse")
	return nil
}

func TestN313_OneAddressWith100InFlightDelaysOthersByLessThanTwoSeconds(t *testing.T) {
	for name, blocks := range map[string][]string{
		"an address":               {attacker},
		"an address of honest /48": {"2001:db8:1:2::/64"},
		"100 /64s of one /48":      slices.Collect(manyBlocks(100)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, stop := slow(), make(chan struct{})
				attack := keep(t, h, 100, stop, blocks...)
				<-time.After(time.Second)
				for i := range 20 {
					block := []string{honest, "2001:db8:2:1::/64"}[i%2]
					start := time.Now() //nolint:forbidigo // It is the time of the bubble.
					if err := hash(t, h, block); err != nil {
						t.Errorf("sign-in %d from elsewhere = %v", i, err)
					}
					// What is computed at the moment, the attacker's turn, and its own.
					if took := time.Since(start); took > 3*hashTime {
						t.Errorf("sign-in %d from elsewhere took %v, want up to %v", i, took, 3*hashTime)
					}
				}
				close(stop)
				<-time.After(time.Minute)
				if served, denied := attack.counts(); served == 0 || denied < 10*served {
					t.Errorf("of the attack %d are served and %d refused, want most refused", served, denied)
				}
			})
		})
	}
}

// manyBlocks are /64s of one /48.
func manyBlocks(n int) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield(fmt.Sprintf("2001:db8:1:%x::/64", i)) {
				return
			}
		}
	}
}

// Sources that always want more get equal turns, however many calls each has.
func TestN313_SourcesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, stop := slow(), make(chan struct{})
		few := keep(t, h, 1, stop, honest)
		many := keep(t, h, 50, stop, attacker)
		<-time.After(time.Minute)
		ofFew, refused := few.counts()
		ofMany, _ := many.counts()
		close(stop)
		<-time.After(time.Minute)
		if d := ofFew - ofMany; ofFew < 250 || d < -2 || d > 2 {
			t.Errorf("served %d of the source with 1 call, %d of that with 50", ofFew, ofMany)
		}
		if refused != 0 {
			t.Errorf("%d calls of the source with 1 were refused", refused)
		}
	})
}

// Within a source the newest is first: the oldest is about to give up.
func TestN313_TheNewestOfASourceIsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := slow()
		busy, err := h.Acquire(t.Context(), honest)
		if err != nil {
			t.Fatalf("Acquire() = %v", err)
		}
		var (
			mu    sync.Mutex
			order []int
		)
		for i := range 3 {
			go func() {
				s, err := h.Acquire(t.Context(), attacker)
				if err != nil {
					t.Errorf("Acquire() = %v", err)
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				s.Release()
			}()
			synctest.Wait()
		}
		busy.Release()
		synctest.Wait()
		if !slices.Equal(order, []int{2, 1, 0}) {
			t.Errorf("served in the order %v, want the newest first", order)
		}
	})
}

// 16 calls of one source wait, and the 17th takes the place of the oldest; 256 wait
// in all.
func TestN313_QueuesAreBounded(t *testing.T) {
	for name, tt := range map[string]struct {
		block func(i int) string
		most  int
	}{
		"of one source": {func(int) string { return attacker }, 16},
		"in all":        {func(i int) string { return fmt.Sprintf("10.0.%d.%d/32", i/100, i%100) }, 256},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := slow()
				busy, err := h.Acquire(t.Context(), honest)
				if err != nil {
					t.Fatalf("Acquire() = %v", err)
				}
				var refused calls
				come := func(i int) {
					go func() {
						s, err := h.Acquire(t.Context(), tt.block(i))
						refused.note(t, err)
						if err == nil {
							s.Release()
						}
					}()
					synctest.Wait()
				}
				for i := range tt.most {
					come(i)
				}
				if _, n := refused.counts(); n != 0 {
					t.Errorf("%d refused of as many as may wait", n)
				}
				come(tt.most)
				if _, n := refused.counts(); n != 1 {
					t.Errorf("%d refused with one more, want 1", n)
				}
				busy.Release()
				synctest.Wait()
				if n, _ := refused.counts(); n != tt.most {
					t.Errorf("%d served, want %d", n, tt.most)
				}
			})
		})
	}
}

func TestN313_WhoGivesUpLosesNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := slow()
		busy, err := h.Acquire(t.Context(), honest)
		if err != nil {
			t.Fatalf("Acquire() = %v", err)
		}
		for range 5 {
			if _, err := h.Acquire(t.Context(), attacker); !errors.Is(err, fault.Unavailable) {
				t.Errorf("Acquire() = %v, want %v", err, fault.Unavailable)
			}
		}
		busy.Release()
		for range 3 {
			s, err := h.Acquire(t.Context(), attacker)
			if err != nil {
				t.Fatalf("Acquire() = %v after all gave up", err)
			}
			s.Release()
		}
	})
}

func TestWaitingIsMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type wait struct {
			d   time.Duration
			got bool
		}
		var waits []wait
		h := hasher(password.Options{
			Wait: time.Second, Now: time.Now, //nolint:forbidigo // It is the time of the bubble.
			Waited: func(_ context.Context, d time.Duration, got bool) { waits = append(waits, wait{d, got}) },
		})
		s, err := h.Acquire(t.Context(), honest)
		if err != nil {
			t.Fatalf("Acquire() = %v", err)
		}
		if _, err := h.Acquire(t.Context(), attacker); err == nil {
			t.Error("a second slot is given")
		}
		time.AfterFunc(hashTime, s.Release)
		if _, err := h.Acquire(t.Context(), attacker); err != nil {
			t.Errorf("Acquire() = %v", err)
		}
		if want := []wait{{0, true}, {time.Second, false}, {hashTime, true}}; !slices.Equal(waits, want) {
			t.Errorf("waits are %v, want %v", waits, want)
		}
	})
}
