package main

import "testing"

func TestMemoryLimitLeavesRoomBelowThatOfTheGroup(t *testing.T) {
	for text, want := range map[string]int64{
		"1073741824\n": 912680550, "1000": 850, "max\n": 0, "": 0, "0": 0, "-1": 0, "1e9": 0,
	} {
		got, ok := memoryLimit(text)
		if got != want || ok != (want > 0) {
			t.Errorf("memoryLimit(%q) = %d, %t, want %d", text, got, ok, want)
		}
	}
}
