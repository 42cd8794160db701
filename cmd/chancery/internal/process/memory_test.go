package process

import (
	"testing"
	"testing/fstest"
)

func TestLessGarbageGrowsBesideRestrictions(t *testing.T) {
	last := gcPercent
	for _, bytes := range []int64{0, 1 << 20, 32 << 20, 64 << 20, 256 << 20, 1 << 30, 1 << 40} {
		got := percentBeside(bytes)
		if got > last || got < 25 {
			t.Errorf("percentBeside(%d) = %d after %d", bytes, got, last)
		}
		// What may be garbage beside 64 MiB of all else that is live.
		if garbage := float64(bytes+64<<20) * float64(got) / 100; bytes >= 64<<20 && bytes <= 1<<30 && garbage > float64(bytes)/2+200<<20 {
			t.Errorf("beside %d bytes %.0f may be garbage", bytes, garbage)
		}
		last = got
	}
	if percentBeside(0) != gcPercent {
		t.Error("a process without restrictions collects sooner than others")
	}
}

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

func TestMemoryLimitIsTheLeastOfTheGroupsAround(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	container := fstest.MapFS{"memory.max": file("1000\n")}
	systemd := fstest.MapFS{
		"system.slice/memory.max":                        file("max\n"),
		"system.slice/chancery@token.service/memory.max": file("1000\n"),
		"small.slice/memory.max":                         file("500\n"),
		"small.slice/chancery@token.service/memory.max":  file("1000\n"),
	}
	for name, tt := range map[string]struct {
		groups fstest.MapFS
		own    string
		want   int64
	}{
		"container":             {container, "0::/\n", 850},
		"container of the host": {container, "0::/docker/abc\n", 850},
		"systemd":               {systemd, "0::/system.slice/chancery@token.service\n", 850},
		"its slice has less":    {systemd, "0::/small.slice/chancery@token.service\n", 425},
		"outside":               {systemd, "0::/user.slice\n", 0},
		"version 1":             {fstest.MapFS{}, "4:memory:/a\n0::/\n", 0},
		"unknown":               {container, "", 850},
		"not a path":            {container, "0::/../..\n", 0},
	} {
		if got, ok := groupLimit(tt.groups, tt.own); got != tt.want || ok != (tt.want > 0) {
			t.Errorf("%s: %d, %t, want %d", name, got, ok, tt.want)
		}
	}
}
