package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"strconv"
	"strings"

	"github.com/chancery-auth/chancery/pkg/strictyaml"
)

// scalars are the types of this file that have a form of their own. Secrets are
// found by env, and below folder.
func scalars(folder string, env Lookup) strictyaml.Scalars {
	return strictyaml.Scalars{
		reflect.TypeFor[Size](): {
			Want: "a size with its unit, such as 512KiB, 256MiB or 2GiB", Text: true,
			Parse: func(text string) (any, error) { return parseSize(text) },
		},
		reflect.TypeFor[Secret](): {
			Want: "file:PATH or env:NAME", Text: true,
			Parse: func(text string) (any, error) { return parseSecret(text, folder, env), nil },
			Print: func(value any) string { return strictyaml.Quote(value.(Secret).text()) },
		},
		reflect.TypeFor[slog.Level](): {
			Want: "debug, info, warn or error", Text: true,
			Parse: func(text string) (any, error) { return parseLevel(text) },
			Print: func(value any) string { return strings.ToLower(value.(slog.Level).String()) },
		},
		reflect.TypeFor[netip.Prefix](): {
			Want: "an address range, such as 10.0.0.0/8 or 127.0.0.1/32", Text: true,
			Parse: func(text string) (any, error) { return netip.ParsePrefix(text) },
		},
	}
}

var errForm = errors.New("not of the form")

func parseLevel(text string) (slog.Level, error) {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if text == strings.ToLower(level.String()) {
			return level, nil
		}
	}
	return 0, errForm
}

// Size is an amount of memory in bytes.
type Size int64

// units are those of [Size], the largest first.
func units() []struct {
	name  string
	bytes Size
} {
	return []struct {
		name  string
		bytes Size
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}
}

// String is the size in the largest unit that it is a whole number of.
func (s Size) String() string {
	for _, unit := range units() {
		if s != 0 && s%unit.bytes == 0 {
			return fmt.Sprintf("%d%s", s/unit.bytes, unit.name)
		}
	}
	return fmt.Sprintf("%dB", int64(s))
}

// parseSize reads what [Size.String] writes, but for single bytes.
func parseSize(text string) (Size, error) {
	for _, unit := range units() {
		digits, ok := strings.CutSuffix(text, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 31)
		if err != nil {
			return 0, errForm
		}
		return Size(n) * unit.bytes, nil
	}
	return 0, errForm
}

// Rounded is the size for people, in the largest unit that it has at least one of.
func (s Size) Rounded() string {
	for _, unit := range units() {
		if s >= unit.bytes {
			return fmt.Sprintf("%.1f %s", float64(s)/float64(unit.bytes), unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", int64(s))
}
