package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed static
var staticFiles embed.FS

const (
	assetsPath = "/assets/"
	styleName  = "pages.css"
	logoName   = "logo"
)

// asset is a file that never changes under its name.
type asset struct {
	path      string
	mediaType string
	content   []byte
}

// assetSet finds assets by the name that templates call them.
type assetSet map[string]asset

var (
	errUnknownAsset = errors.New("asset is unknown")
	errLogoType     = errors.New("logo is not SVG, PNG or WebP")
)

func newAssetSet(brand Brand) (assetSet, error) {
	set := make(assetSet)
	entries, err := staticFiles.ReadDir("static")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		content, err := staticFiles.ReadFile("static/" + e.Name())
		if err != nil {
			return nil, err
		}
		set.add(e.Name(), path.Ext(e.Name()), content)
	}
	// One file, so that the first paint waits for one request.
	set.add(styleName, ".css", append([]byte(brand.stylesheet()), set[styleName].content...))
	return set, set.addLogo(brand.Logo)
}

func (s assetSet) addLogo(l Logo) error {
	if len(l.Content) == 0 {
		return nil
	}
	ext, ok := map[string]string{"image/svg+xml": ".svg", "image/png": ".png", "image/webp": ".webp"}[l.MediaType]
	if !ok {
		return fmt.Errorf("%w: %q", errLogoType, l.MediaType)
	}
	s.add(logoName, ext, l.Content)
	return nil
}

func (s assetSet) add(name, ext string, content []byte) {
	sum := sha256.Sum256(content)
	base := strings.TrimSuffix(name, ext)
	s[name] = asset{
		path:      assetsPath + base + "." + hex.EncodeToString(sum[:8]) + ext,
		mediaType: mediaType(ext),
		content:   content,
	}
}

func mediaType(ext string) string {
	switch ext {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		return "image/" + strings.TrimPrefix(ext, ".")
	}
}

// path is where the named asset is served. Fails with errUnknownAsset.
func (s assetSet) path(name string) (string, error) {
	a, ok := s[name]
	if !ok {
		return "", fmt.Errorf("%w: %s", errUnknownAsset, name)
	}
	return a.path, nil
}

// optionalPath is path, or empty.
func (s assetSet) optionalPath(name string) string { return s[name].path }

// Assets serves the style, script, icons and logo that the pages use, below
// /assets/. Names hold a hash of the content, so that answers may be kept
// for a year.
func (r *Renderer) Assets() http.Handler {
	mux := http.NewServeMux()
	for _, a := range r.assets {
		mux.Handle("GET "+a.path, a)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		setHeaders(w.Header(), contentSecurityPolicy(""))
		http.Error(w, "Not found", http.StatusNotFound)
	})
	return mux
}

// ServeHTTP writes the file. An SVG opened as a document of its own may hold
// script, so its policy allows none.
func (a asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.mediaType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
}
