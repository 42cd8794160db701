package logo_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/services/registry/internal/logo"
)

// picture has a colour of its own at each place.
func picture(width, height int) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetNRGBA(x, y, color.NRGBA{uint8(x), uint8(y), uint8(x ^ y), 255})
		}
	}
	return img
}

func encoded(t testing.TB, img image.Image, encode func(*bytes.Buffer, image.Image) error) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func asPNG(out *bytes.Buffer, img image.Image) error  { return png.Encode(out, img) }
func asJPEG(out *bytes.Buffer, img image.Image) error { return jpeg.Encode(out, img, nil) }
func asGIF(out *bytes.Buffer, img image.Image) error  { return gif.Encode(out, img, nil) }

// chunk is a part of a PNG file, with its length and checksum.
func chunk(kind, data string) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	body := kind + data
	out = append(out, body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE([]byte(body)))
}

// huge is a PNG that says it has so many pixels, and has none.
func huge(width, height uint32) []byte {
	header := binary.BigEndian.AppendUint32(nil, width)
	header = binary.BigEndian.AppendUint32(header, height)
	header = append(header, 8, 6, 0, 0, 0)
	return append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", string(header))...)
}

const script = `<script>alert(1)</script>`

// commented puts a text chunk behind the header of a PNG.
func commented(file []byte) []byte {
	const header = 8 + 25
	out := append([]byte{}, file[:header]...)
	out = append(out, chunk("tEXt", "Comment\x00"+script)...)
	return append(out, file[header:]...)
}

func TestN095_OnlyPixelsGetThrough(t *testing.T) {
	square := encoded(t, picture(64, 48), asPNG)
	for name, upload := range map[string][]byte{
		"PNG":                   square,
		"JPEG":                  encoded(t, picture(64, 48), asJPEG),
		"PNG with HTML behind":  append(bytes.Clone(square), script...),
		"PNG with text inside":  commented(square),
		"JPEG with HTML behind": append(encoded(t, picture(64, 48), asJPEG), script...),
	} {
		t.Run(name, func(t *testing.T) {
			made, err := logo.Make(upload)
			if err != nil {
				t.Fatalf("Make() = %v", err)
			}
			if bytes.Contains(made.PNG, []byte(script)) {
				t.Error("Make() keeps what is no picture")
			}
			img, err := png.Decode(bytes.NewReader(made.PNG))
			if err != nil || img.Bounds() != image.Rect(0, 0, 64, 48) {
				t.Errorf("Make() made %v, %v", img, err)
			}
			if made.Digest != sha256.Sum256(made.PNG) {
				t.Error("the digest is not that of the image")
			}
		})
	}
}

func TestN095_WhatIsNoPictureIsRefused(t *testing.T) {
	whole := encoded(t, picture(64, 48), asPNG)
	photo := encoded(t, picture(64, 48), asJPEG)
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	for name, upload := range map[string][]byte{
		"SVG with script":           []byte(`<svg xmlns="http://www.w3.org/2000/svg">` + script + `</svg>`),
		"SVG with a declaration":    []byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`),
		"HTML with a PNG behind":    append([]byte(script), whole...),
		"GIF":                       encoded(t, picture(64, 48), asGIF),
		"WebP":                      []byte("RIFF\x24\x00\x00\x00WEBPVP8 "),
		"nothing":                   {},
		"truncated PNG":             whole[:len(whole)-20],
		"PNG without its end":       whole[:len(whole)-12],
		"truncated JPEG":            photo[:len(photo)/2],
		"beginning of a PNG":        whole[:8],
		"PNG with a bit flipped":    flipped,
		"PNG of 30,000 × 30,000":    huge(30_000, 30_000),
		"PNG of 2³¹ − 1 × 1":        huge(1<<31-1, 1),
		"PNG without pixels":        huge(0, 1),
		"PNG with a made-up header": append(huge(64, 48), script...),
		"513 wide":                  encoded(t, picture(513, 1), asPNG),
		"513 high":                  encoded(t, picture(1, 513), asPNG),
		"JPEG 513 wide":             encoded(t, picture(513, 1), asJPEG),
		"more than 256 KiB in all":  append(bytes.Clone(whole), make([]byte, logo.MaxBytes+1-len(whole))...),
	} {
		t.Run(name, func(t *testing.T) {
			if made, err := logo.Make(upload); !errors.Is(err, fault.Invalid) {
				t.Errorf("Make() = %v, %v, want %v", made, err, fault.Invalid)
			}
		})
	}
}

func TestLargestLogoIsTaken(t *testing.T) {
	whole := encoded(t, picture(512, 512), asPNG)
	if len(whole) > logo.MaxBytes {
		t.Fatalf("the picture has %d bytes", len(whole))
	}
	padded := append(whole, make([]byte, logo.MaxBytes-len(whole))...)
	if _, err := logo.Make(padded); err != nil {
		t.Errorf("Make() = %v", err)
	}
}

// An upload that compresses can be encoded to more than a message carries.
func TestLogoIsKeptOnlyIfAMessageCarriesIt(t *testing.T) {
	for name, tt := range map[string]struct {
		translucent bool
		want        error
	}{"opaque": {false, nil}, "translucent": {true, fault.Invalid}} {
		t.Run(name, func(t *testing.T) {
			img := image.NewNRGBA(image.Rect(0, 0, 512, 512))
			rand.Read(img.Pix)
			for i := 3; i < len(img.Pix) && !tt.translucent; i += 4 {
				img.Pix[i] = 255
			}
			if _, err := logo.Encode(img); !errors.Is(err, tt.want) {
				t.Errorf("encode() = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestEqualPicturesAreOne(t *testing.T) {
	plain := encoded(t, picture(64, 48), asPNG)
	one, err := logo.Make(plain)
	if err != nil {
		t.Fatal(err)
	}
	two, err := logo.Make(commented(plain))
	if err != nil {
		t.Fatal(err)
	}
	other, err := logo.Make(encoded(t, picture(48, 64), asPNG))
	if err != nil {
		t.Fatal(err)
	}
	if one.Digest != two.Digest || one.Digest == other.Digest {
		t.Errorf("digests = %x, %x, %x", one.Digest, two.Digest, other.Digest)
	}
}

// Whatever is kept is a PNG within the limits that is its own logo.
func FuzzMake(f *testing.F) {
	f.Add(encoded(f, picture(3, 2), asPNG))
	f.Add(encoded(f, picture(3, 2), asJPEG))
	f.Add(huge(30_000, 30_000))
	f.Fuzz(func(t *testing.T, upload []byte) {
		made, err := logo.Make(upload)
		if err != nil {
			if !errors.Is(err, fault.Invalid) {
				t.Errorf("Make() = %v", err)
			}
			return
		}
		again, err := logo.Make(made.PNG)
		if len(made.PNG) > logo.MaxBytes {
			return // a photograph is larger as PNG
		}
		if err != nil || again.Digest != made.Digest {
			t.Errorf("Make(what was made) = %v, %v", again, err)
		}
	})
}

// segment is a part of a JPEG file, with its length.
func segment(marker byte, data ...byte) []byte {
	out := binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(2+len(data)))
	return append(out, data...)
}

// progressive is a grey JPEG of 512 x 512 pixels that goes over them so often.
func progressive(scans int) []byte {
	out := []byte{0xff, 0xd8}
	out = append(out, segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)...)
	out = append(out, segment(0xc2, 8, 2, 0, 2, 0, 1, 1, 0x11, 0)...)
	// One code each, a bit long: for DC no difference, and for AC "all 4,096 blocks
	// end here".
	out = append(out, segment(0xc4, append(append([]byte{0x00, 1}, make([]byte, 15)...), 0x00)...)...)
	out = append(out, segment(0xc4, append(append([]byte{0x10, 1}, make([]byte, 15)...), 0xc0)...)...)
	out = append(out, segment(0xda, 1, 1, 0, 0, 0, 0x01)...)
	out = append(out, make([]byte, 512)...)
	for range scans - 1 {
		out = append(out, segment(0xda, 1, 1, 0, 1, 63, 0x10)...)
		out = append(out, 0, 0)
	}
	return append(out, 0xff, 0xd9)
}

// A file of the largest size would take 10 seconds.
func TestJPEGGoesOverItsPixelsAFewTimes(t *testing.T) {
	if _, err := logo.Make(progressive(50)); err != nil {
		t.Errorf("Make(50 scans) = %v", err)
	}
	for _, scans := range []int{51, 20_000} {
		if _, err := logo.Make(progressive(scans)); !errors.Is(err, fault.Invalid) {
			t.Errorf("Make(%d scans) = %v, want %v", scans, err, fault.Invalid)
		}
	}
}
