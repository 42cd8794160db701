package edge

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/chancery-auth/chancery/pkg/fault"
)

func (e *Edge) withinRate(w http.ResponseWriter, r *http.Request, route *Route) *Refusal {
	var busy *fault.Error
	if err := e.Limiter.Take(r.Context(), route.Class, InfoOf(r.Context()).AddressBlock); !errors.As(err, &busy) {
		return nil
	}
	SetRetryAfter(w, busy.RetryAfter)
	return &Refusal{http.StatusTooManyRequests, "too many requests from this address"}
}

// SetRetryAfter says when to try again, in whole seconds and at least one
// (RFC 9110 §10.2.3).
func SetRetryAfter(w http.ResponseWriter, after time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(after.Seconds())))))
}
