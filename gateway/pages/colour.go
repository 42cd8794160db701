package pages

import (
	"errors"
	"math"
	"regexp"
	"strconv"
)

var (
	colourForm = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	errColour  = errors.New(`want a colour of the form "#rrggbb"`)
)

// colour is red, green and blue, each 0 to 1.
type colour [3]float64

// parseColour reads "#rrggbb". Fails with errColour.
func parseColour(s string) (colour, error) {
	if !colourForm.MatchString(s) {
		return colour{}, errColour
	}
	var c colour
	for i := range c {
		v, err := strconv.ParseUint(s[1+2*i:3+2*i], 16, 8)
		if err != nil {
			return colour{}, errColour
		}
		c[i] = float64(v) / 255
	}
	return c, nil
}

// luminance is the relative luminance of WCAG 2.2.
func (c colour) luminance() float64 {
	linear := func(v float64) float64 {
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// contrast is the contrast ratio of WCAG 2.2, from 1 to 21.
func contrast(a, b colour) float64 {
	l, m := a.luminance(), b.luminance()
	return (max(l, m) + 0.05) / (min(l, m) + 0.05)
}

// textOn returns black or white, whichever reads better on the colour s. One
// of the two always has a contrast above 4.5.
func textOn(s string) string {
	ground, err := parseColour(s)
	if err == nil && contrast(ground, colour{}) > contrast(ground, colour{1, 1, 1}) {
		return "#000000"
	}
	return "#ffffff"
}
