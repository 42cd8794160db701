package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/metric"

	"github.com/chancery-auth/chancery/pkg/sweep"
)

// ObserveSweep shows in each scrape what was swept.
func (t *Telemetry) ObserveSweep(read func() sweep.Stats) { t.observed.sweeps.add(read) }

func (m *maker) watchSweeps(o *observed) {
	rows := m.sum("chancery_sweep_rows_total", "Rows that were deleted because their time had come, by table.")
	failures := m.sum("chancery_sweep_failures_total", "Rounds in which the rows of a table could not be deleted, by table.")
	lag := m.gauge("chancery_sweep_lag_seconds", "At most how long rows of a table are overdue, by table.")
	clock := m.gauge("chancery_sweep_clock_disagrees", "1 while nothing is swept because the clocks of the database and of the process are five minutes apart, else 0.")
	m.watch(func(_ context.Context, to metric.Observer) {
		for _, read := range o.sweeps.all() {
			stats := read()
			for _, t := range stats.Tables {
				table := labelled("table", t.Name)
				to.ObserveFloat64(rows, float64(t.Rows), table)
				to.ObserveFloat64(failures, float64(t.Failures), table)
				to.ObserveFloat64(lag, t.Lag.Seconds(), table)
			}
			value := 0.0
			if stats.ClockDisagrees {
				value = 1
			}
			to.ObserveFloat64(clock, value)
		}
	}, rows, failures, lag, clock)
}
