//go:build !race

package consent_test

// modelSteps makes a hundred thousand steps on each database, of the hundred runs
// that there are by default, where one workspace is to be chosen and where any
// number is.
const modelSteps = 500
