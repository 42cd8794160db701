package edge

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"
)

// maxBlocks bounds the memory of the limiter, whatever addresses there are.
const maxBlocks = 100_000

// limiterKey has the rate in it, not the route: the endpoints of one rate share
// an allowance.
type limiterKey struct {
	block string
	rate  rate.Limit
	burst int
}

// lifetime is how long a limiter that nobody asks is kept: until its allowance is
// whole again, so that forgetting it gives nothing away.
func (k limiterKey) lifetime() time.Duration {
	whole := time.Duration(float64(k.burst) / float64(k.rate) * float64(time.Second))
	return max(10*time.Minute, whole)
}

func newLimiters() *otter.Cache[limiterKey, *rate.Limiter] {
	return otter.Must(&otter.Options[limiterKey, *rate.Limiter]{
		MaximumSize: maxBlocks,
		ExpiryCalculator: otter.ExpiryAccessingFunc(func(e otter.Entry[limiterKey, *rate.Limiter]) time.Duration {
			return e.Key.lifetime()
		}),
	})
}

// burst is how many requests may come at once.
func (r *Route) burst() int {
	if r.Burst > 0 {
		return r.Burst
	}
	return max(1, int(2*r.Rate))
}

func (e *Edge) withinRate(w http.ResponseWriter, r *http.Request, route *Route) *Refusal {
	if route.Rate <= 0 || route.Rate == rate.Inf {
		return nil
	}
	key := limiterKey{InfoOf(r.Context()).AddressBlock, route.Rate, route.burst()}
	limiter, _ := e.limiters.ComputeIfAbsent(key, func() (*rate.Limiter, bool) {
		return rate.NewLimiter(key.rate, key.burst), false
	})
	if limiter.AllowN(e.Now(), 1) {
		return nil
	}
	w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(1/float64(route.Rate))))))
	return &Refusal{http.StatusTooManyRequests, "too many requests from this address"}
}
