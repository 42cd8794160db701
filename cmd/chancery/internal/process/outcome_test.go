package process

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/telemetry"
	"github.com/chancery-auth/chancery/services/directory"
)

// Each way in which a sign-in can end has a series of its own.
func TestSignInsAreCountedByOutcome(t *testing.T) {
	tel, err := telemetry.Setup(t.Context(), telemetry.Options{
		Service: "directory", Version: "v1", Instance: "a", Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, outcome := range directory.SignInOutcomes() {
		tel.Counters().SignIn(t.Context(), outcome)
	}
	w := httptest.NewRecorder()
	tel.MetricsHandler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, outcome := range directory.SignInOutcomes() {
		if series := `chancery_sign_ins_total{outcome="` + outcome + `"} 1`; !strings.Contains(w.Body.String(), series) {
			t.Errorf("there is no %s", series)
		}
	}
}
