package pages

import (
	"errors"
	"fmt"
	"strings"
)

// Brand is whose pages these are.
type Brand struct {
	// Name is what the platform calls itself. Required.
	Name string
	// AccentLight and AccentDark colour buttons and links in the light and in
	// the dark scheme, as "#rrggbb". Empty means the neutral default.
	AccentLight string
	AccentDark  string
	// Logo stands beside the name. Without one the name stands alone.
	Logo Logo
}

// Logo is a picture served from our own origin. The zero value is no logo.
type Logo struct {
	// MediaType is image/svg+xml, image/png or image/webp.
	MediaType string
	// Content is the file. It is shown 32 CSS pixels high.
	Content []byte
}

const (
	defaultAccentLight = "#2f55c8"
	defaultAccentDark  = "#9db8ff"

	// The colours of the card, which the stylesheet repeats as --card.
	cardLight = "#ffffff"
	cardDark  = "#171a21"

	// readable is the least contrast of text with its ground (WCAG 2.2,
	// success criterion 1.4.3).
	readable = 4.5
)

// complete fills in the defaults and checks the rest.
func (b Brand) complete() (Brand, error) {
	if plain(b.Name) == "" {
		return Brand{}, errors.New("name is empty")
	}
	if b.AccentLight == "" {
		b.AccentLight = defaultAccentLight
	}
	if b.AccentDark == "" {
		b.AccentDark = defaultAccentDark
	}
	err := errors.Join(
		checkAccent("light", b.AccentLight, cardLight),
		checkAccent("dark", b.AccentDark, cardDark))
	return b, err
}

func checkAccent(scheme, accent, card string) error {
	a, err := parseColour(accent)
	if err != nil {
		return fmt.Errorf("%s accent: %w", scheme, err)
	}
	ground, err := parseColour(card)
	if err != nil {
		return fmt.Errorf("%s card: %w", scheme, err)
	}
	if c := contrast(a, ground); c < readable {
		return fmt.Errorf("%s accent %s: contrast with the card %s is %.1f, want at least %.1f",
			scheme, accent, card, c, readable)
	}
	return nil
}

// stylesheet is the part of the style that differs between brands.
func (b Brand) stylesheet() string {
	var css strings.Builder
	fmt.Fprintf(&css, ":root{--accent:%s;--on-accent:%s}\n", b.AccentLight, textOn(b.AccentLight))
	fmt.Fprintf(&css, "@media (prefers-color-scheme:dark){:root{--accent:%s;--on-accent:%s}}\n",
		b.AccentDark, textOn(b.AccentDark))
	return css.String()
}
