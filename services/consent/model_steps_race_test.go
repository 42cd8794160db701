//go:build race

package consent_test

// modelSteps is few, for the race detector takes its time. make test runs the model
// once more without it.
const modelSteps = 25
