package secret

import (
	"fmt"
	"io"
	"os"
)

// ReadFile returns the content of a file that holds a secret of at most limit
// bytes. It refuses a file that every user of the machine can read, or that
// somebody other than its owner can change. Its group may read it: Kubernetes and
// systemd mount secrets that way. Its errors say what to do, and show no content.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written

	// Of the open file, so that it is the one that is read.
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	if mode := info.Mode().Perm(); mode&0o027 != 0 {
		return nil, fmt.Errorf("%s has mode %04o, which lets others at the secret: chmod 600 %s", path, mode, path)
	}
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(content)) > limit {
		return nil, fmt.Errorf("%s is longer than %d bytes", path, limit)
	}
	return content, err
}
