// Package logo is the pictures that developers upload for their apps.
//
// What is kept is never what was uploaded: an image is decoded whole, and encoded
// anew as PNG, so that nothing but pixels gets through. The one thing to get right
// is that what an image costs is known before memory and time are taken for it.
package logo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/secret"
)

const (
	// MaxBytes is how large an upload may be.
	MaxBytes = 256 << 10
	// MaxPixels is how wide and how high an image may be.
	MaxPixels = 512
	// maxScans is how often a JPEG may go over its pixels. A progressive one does it
	// about ten times, and 12 bytes are enough for once more.
	maxScans = 50
	// maxKept is how large the image is as it is kept, so that a message can carry
	// it.
	maxKept = 1000 << 10
)

// Logo is an image as it is kept.
type Logo struct {
	// Digest is that of PNG, so that equal images are one.
	Digest secret.Digest
	PNG    []byte
}

// ErrNotFound is returned for a logo that no client has.
var ErrNotFound = errors.New("logo not found")

// codec is one way to write an image.
type codec struct {
	magic  string // how every such file begins
	scans  string // how every pass over the pixels begins; empty if there is one
	config func(*bytes.Reader) (image.Config, error)
	decode func(*bytes.Reader) (image.Image, error)
}

// codecs are the formats that are taken: those that hold nothing but an image,
// and have one in the standard library.
func codecs() []codec {
	return []codec{
		{
			"\x89PNG\r\n\x1a\n", "",
			func(r *bytes.Reader) (image.Config, error) { return png.DecodeConfig(r) },
			func(r *bytes.Reader) (image.Image, error) { return png.Decode(r) },
		},
		{
			// Among the pixels, \xff is followed by zero or the marker of a restart.
			"\xff\xd8\xff", "\xff\xda",
			func(r *bytes.Reader) (image.Config, error) { return jpeg.DecodeConfig(r) },
			func(r *bytes.Reader) (image.Image, error) { return jpeg.Decode(r) },
		},
	}
}

// Make returns the logo of an upload, which is a PNG or JPEG by its content,
// whatever anybody calls it. Fails with fault.Invalid.
func Make(upload []byte) (*Logo, error) {
	if len(upload) > MaxBytes {
		return nil, fault.New(fault.Invalid, "logo must have at most 256 KiB")
	}
	for _, c := range codecs() {
		if bytes.HasPrefix(upload, []byte(c.magic)) {
			return c.remake(upload)
		}
	}
	return nil, fault.New(fault.Invalid, "logo must be a PNG or JPEG image")
}

func (c codec) remake(upload []byte) (*Logo, error) {
	size, err := c.config(bytes.NewReader(upload))
	if err != nil {
		return nil, unreadable(err)
	}
	// Before anything is decoded: a few bytes can claim gigabytes of pixels.
	if size.Width < 1 || size.Height < 1 || size.Width > MaxPixels || size.Height > MaxPixels {
		return nil, fault.New(fault.Invalid, "logo must be at most 512 pixels wide and high")
	}
	// A decoder goes over every pixel for each, however short it is.
	if c.scans != "" && bytes.Count(upload, []byte(c.scans)) > maxScans {
		return nil, fault.New(fault.Invalid, "logo must be simpler: a JPEG may have 50 scans")
	}
	img, err := c.decode(bytes.NewReader(upload))
	if err != nil {
		return nil, unreadable(err)
	}
	return encode(img)
}

func unreadable(cause error) error {
	return fault.Because(fault.Invalid, "logo must be a whole image", cause)
}

// encode writes the pixels alone, eight bits each, so that an image is no larger
// for what its file was.
func encode(img image.Image) (*Logo, error) {
	pixels := image.NewNRGBA(image.Rect(0, 0, img.Bounds().Dx(), img.Bounds().Dy()))
	draw.Draw(pixels, pixels.Bounds(), img, img.Bounds().Min, draw.Src)
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, pixels); err != nil {
		return nil, fmt.Errorf("encode logo: %w", err)
	}
	// Only what is translucent and as good as random gets there.
	if out.Len() > maxKept {
		return nil, fault.New(fault.Invalid, "logo must be simpler: it does not compress")
	}
	return &Logo{Digest: sha256.Sum256(out.Bytes()), PNG: out.Bytes()}, nil
}

// Text returns a digest as messages have it: in hexadecimal, empty for none.
func Text(d secret.Digest) string {
	if d == (secret.Digest{}) {
		return ""
	}
	return hex.EncodeToString(d[:])
}

// Show returns the PNG whose digest the text is, as [Text] has it. Fails with
// fault.NotFound.
func Show(ctx context.Context, logos *Store, text string) ([]byte, error) {
	decoded, err := hex.DecodeString(text)
	if err != nil || len(decoded) != len(secret.Digest{}) {
		return nil, fault.New(fault.NotFound, "there is no such logo")
	}
	kept, err := logos.Find(ctx, secret.Digest(decoded))
	if errors.Is(err, ErrNotFound) {
		return nil, fault.Because(fault.NotFound, "there is no such logo", err)
	}
	if err != nil {
		return nil, fmt.Errorf("find logo: %w", err)
	}
	return kept, nil
}
