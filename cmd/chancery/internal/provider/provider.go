// Package provider finds the preset that a process is to use: one that comes with
// the program, or a file.
package provider

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/chancery-auth/chancery/deploy/presets"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// maxFile and maxLogo are the sizes of the largest files, in bytes.
const (
	maxFile = 1 << 20
	maxLogo = 256 << 10
)

// IsFile says whether a reference is the path of a file, and not a name.
func IsFile(ref string) bool {
	return strings.ContainsAny(ref, `/\`) || strings.HasSuffix(ref, ".yaml") || strings.HasSuffix(ref, ".yml")
}

// Below is the reference with the path of a file made relative to folder.
func Below(ref, folder string) string {
	if !IsFile(ref) || filepath.IsAbs(ref) {
		return ref
	}
	return filepath.Join(folder, ref)
}

// Load finds the preset that a reference names. Fails with what reading fails with
// and, for a file that is wrong, with what [preset.Parse] does.
func Load(ref string) (preset.Preset, error) {
	if !IsFile(ref) {
		return presets.Load(ref)
	}
	content, err := read(ref, maxFile)
	if err != nil {
		return preset.Preset{}, fmt.Errorf("read the preset: %w", err)
	}
	return preset.Parse(ref, content)
}

// Logo reads the logo of a preset, and says what it is. Both are empty for none.
func Logo(p preset.Preset) (mediaType string, content []byte, err error) {
	if p.Brand.LogoFile == "" {
		return "", nil, nil
	}
	if content, err = read(p.Brand.LogoFile, maxLogo); err != nil {
		return "", nil, fmt.Errorf("read the logo of the preset %s: %w", p.Name, err)
	}
	mediaType, _ = preset.MediaType(p.Brand.LogoFile)
	return mediaType, content, nil
}

// read is the content of a file that is no larger than limit, in bytes.
func read(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("%s is larger than %d KiB", path, limit>>10)
	}
	return content, err
}

// CheckIssuer refuses an issuer that is not where the preset has it.
func CheckIssuer(issuer string, p preset.Preset) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Path == p.IssuerPath {
		return err
	}
	u.Path = ""
	return fmt.Errorf("the preset %s has its issuer at another path: want %s%s", p.Name, u, p.IssuerPath)
}

// Origin is an issuer without its path: where pages are, below which the paths of
// endpoints begin.
func Origin(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return issuer
	}
	return u.Scheme + "://" + u.Host
}

// Brand is how the pages show the platform.
func Brand(p preset.Preset) (pages.Brand, error) {
	mediaType, logo, err := Logo(p)
	return pages.Brand{
		Name: p.Brand.Name, AccentLight: p.Brand.AccentLight, AccentDark: p.Brand.AccentDark,
		Logo: pages.Logo{MediaType: mediaType, Content: logo},
	}, err
}
